import type { HttpProxies } from "../kit/http-proxy.ts";
import type { Descriptor, Platform } from "./image.ts";
import type { Digest } from "./digest.ts";
import type { Reference } from "./reference.ts";

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  readonly identityToken: string;
}

/** By which HTTP proxies registries, and what builds fetch, are reached. */
export type ProxySettings = HttpProxies;

export interface ResolvedManifest {
  readonly descriptor: Descriptor;
  /** The manifest's exact bytes. */
  readonly content: Buffer;
}

/** A repository that a registry's search has found. */
export interface FoundRepository {
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
}

/** What a registry says of a name: its manifest or index, and what it runs on. */
export interface RemoteImage {
  readonly descriptor: Descriptor;
  readonly platforms: readonly Platform[];
  /** The manifest's exact bytes. */
  readonly content: Buffer;
}

/** What a registry has about a manifest or index, and about each image of an index. */
export interface ReferrersTree {
  readonly descriptor: Descriptor;
  readonly referrers: readonly Descriptor[];
  readonly manifests: readonly ReferrersTree[];
}

/** What a registry says to credentials that it accepts. */
export interface AcceptedLogin {
  /** Text for `docker login`. */
  readonly status: string;
  /** To be kept in the password's place; "" where the registry gives none. */
  readonly identityToken: string;
}

/** How a blob came to be in a repository. */
export interface UploadedBlob {
  /** The repository of the same registry that it was mounted from; "" where its bytes were sent. */
  readonly mountedFrom: string;
}

/** Bytes of a blob from where they were asked for, or from where the other side can begin. */
export interface BlobStream {
  readonly offset: number;
  readonly body: AsyncIterable<Buffer>;
}

/** One remote registry's protocol (OCI distribution-spec and Docker Registry V2). Reads verify digests and sizes. */
export interface RegistryClient {
  /** The manifest or index that a reference names, at most 4 MiB. */
  resolve(
    reference: Reference,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<ResolvedManifest>;
  manifest(
    reference: Reference,
    descriptor: Descriptor,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<Buffer>;
  /** Not verified: the content store does that at commit. */
  blob(
    reference: Reference,
    descriptor: Descriptor,
    offset: number,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<BlobStream>;
  hasBlob(
    reference: Reference,
    digest: Digest,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<boolean>;
  /** `body` gives the blob from an offset on: an upload that broke goes on. `progress` is told the bytes sent. */
  pushBlob(
    reference: Reference,
    descriptor: Descriptor,
    body: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
    progress?: (sent: number) => void,
  ): Promise<UploadedBlob>;
  /** Under the reference's tag, or under its digest alone where it has none. */
  pushManifest(
    reference: Reference,
    mediaType: string,
    content: Buffer,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<Digest>;
  /** Tags of the reference's repository, in the registry's order. Throws `not-found` REPOSITORY_UNKNOWN. */
  tags(
    reference: Reference,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<readonly string[]>;
  /** Manifests that name `subject` as their subject; [] where the registry knows none. */
  referrers(
    reference: Reference,
    subject: Digest,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<readonly Descriptor[]>;
  /**
   * Repositories that match `term`, at most `limit`. A term `host.name/…` asks that registry, any
   * other Docker Hub. Throws `unavailable` REGISTRY_SEARCH where it has no search.
   */
  search(
    term: string,
    limit: number,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<readonly FoundRepository[]>;
  /** Checks credentials. */
  login(registry: string, auth: RegistryCredentials, signal: AbortSignal): Promise<AcceptedLogin>;
}

/** One layer's part in a pull, for progress displays. */
export interface PullProgress {
  readonly layer: Descriptor;
  readonly phase:
    | "waiting"
    | "downloading"
    | "verifying"
    | "downloaded"
    | "unpacking"
    | "done"
    | "exists";
  readonly current: number;
  readonly total: number;
}

export const hostPlatform: Platform = {
  os: "linux",
  architecture: process.arch === "arm64" ? "arm64" : "amd64",
};
