import { isIP } from "node:net";
import type { ProxySettings } from "../../domain/registry.ts";
import { isInBlocks, zoneOf } from "../../kit/address-zone.ts";

/** What the user configures of registries. */
export interface RegistryConfig {
  /** URLs of mirrors of Docker Hub, tried in order before it. */
  readonly mirrors: readonly string[];
  /** URLs of mirrors of other registries, by the domain of references. */
  readonly mirrorsOf?: Readonly<Record<string, readonly string[]>>;
  /** `host`, `host:port` or CIDR blocks: plain HTTP and unverified certificates are accepted there. */
  readonly insecureRegistries: readonly string[];
  /** None where absent. */
  readonly proxies?: ProxySettings;
  /** Folder with `HOST[:PORT]/*.crt`, `*.cert` and `*.key` as Docker's certs.d. */
  readonly certificatesDirectory?: string;
}

/** Milliseconds and bytes after which a registry is given up. */
export interface RegistryPatience {
  /** To a connection, with TLS. */
  readonly connect: number;
  /** From the request's last byte to the answer's headers. */
  readonly response: number;
  /** In each such time while data is awaited, at least `progressBytes` must come. */
  readonly progress: number;
  readonly progressBytes: number;
  /** First pause before a retry; doubles with each. */
  readonly retry: number;
  /** Longest pause where the registry asks for none. */
  readonly longestRetry: number;
  /** Longest time for which the registry may ask, all its pauses together; over that it is given up at once. */
  readonly longestAsked: number;
  /** Tries in all. */
  readonly attempts: number;
  /** Bytes of a blob that are sent at a time: what is lost where a registry keeps no half of what it is sent. */
  readonly chunk: number;
}

export const defaultPatience: RegistryPatience = {
  connect: 10_000,
  response: 30_000,
  progress: 30_000,
  progressBytes: 32 << 10,
  retry: 300,
  longestRetry: 10_000,
  longestAsked: 60_000,
  attempts: 4,
  chunk: 64 << 20,
};

/**
 * Whether `host[:port]` may be spoken to without TLS: localhost and 127.0.0.0/8 as Docker has it,
 * and what the configuration names.
 */
export function isInsecureHost(
  host: string,
  config: Pick<RegistryConfig, "insecureRegistries">,
): boolean {
  const name = hostName(host);
  if (name === "localhost" || (isIP(name) !== 0 && zoneOf(name) === "loopback")) return true;
  return isListed(host, config);
}

/** Whether the configuration names `host[:port]`. */
export function isListed(
  host: string,
  config: Pick<RegistryConfig, "insecureRegistries">,
): boolean {
  const name = hostName(host);
  const entries = config.insecureRegistries;
  return entries.includes(host) || entries.includes(name) || isInBlocks(name, entries);
}

/** `host` of `host:port`, without the brackets of an IPv6 address. */
export function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host);
  return bracketed?.[1] ?? host.replace(/:\d+$/, "");
}
