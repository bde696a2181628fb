import { defaultDomain } from "../../domain/reference.ts";

/*
 * Docker Hub is the one registry whose protocol host is not the domain of its references: part of
 * the reference grammar that every client shares, and so the one host name in this code.
 */
const hubHost = "registry-1.docker.io";

/** Other names under which people log in to Docker Hub. */
const hubNames: ReadonlySet<string> = new Set([defaultDomain, "index.docker.io", hubHost]);

/** `host[:port]` that speaks the registry protocol for a reference's domain. */
export function registryHost(domain: string): string {
  return hubNames.has(domain) ? hubHost : domain;
}

/** Where Docker Hub is searched. */
export const searchHost = "index.docker.io";

/** The domain that a registry's name or URL, as people write it for `docker login`, stands for. */
export function domainOfRegistry(registry: string): string {
  const host = registry.replace(/^https?:\/\//, "").split("/")[0] ?? "";
  return host === "" || hubNames.has(host) ? defaultDomain : host;
}
