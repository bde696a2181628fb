import { join } from "node:path";
import { cacheFolder } from "../../images/cache.ts";
import { bringTree } from "./tree.ts";

/** What benchmarks compare with: engines and what they start. */
export const peerPackages: readonly string[] = [
  "docker.io",
  "docker-cli",
  "containerd",
  "runc",
  "tini",
  "podman",
  "conmon",
  "crun",
  "netavark",
  "aardvark-dns",
  "golang-github-containers-common",
  "docker-compose",
  "docker-buildx",
];
/** Their libraries, newer than the host's: without them a program of a newer suite does not start. */
export const libraries = /^lib(?!nss-|pam|reoffice)/;

/** Where `bringPeers` puts the engines of a suite: a tree with usr/bin, usr/sbin and so on. */
export function peersFolder(suite: string): string {
  return join(cacheFolder(), "peers", suite);
}

/** Where `bringBuildah` puts Buildah of a suite: as `peersFolder`, a tree of its own. */
export function buildahFolder(suite: string): string {
  return `${peersFolder(suite)}-buildah`;
}

/** Brings Buildah, which uses the runtime and the network's helpers of `bringPeers`; gives its folder. */
export async function bringBuildah(
  suite: string,
  options: { readonly fresh: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const place = buildahFolder(suite);
  return await bringTree({ suite, packages: ["buildah"], follow: libraries, place }, options);
}

/** Brings the engines of another Debian suite; gives their folder. Nothing is installed. */
export async function bringPeers(
  suite: string,
  options: { readonly fresh: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const place = peersFolder(suite);
  return await bringTree({ suite, packages: peerPackages, follow: libraries, place }, options);
}
