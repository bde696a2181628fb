import type { Digest } from "./digest.ts";

/** OCI image-spec descriptor.md; `annotations` and `platform` where given. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly artifactType?: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Healthcheck {
  /** Docker's Test: `["NONE"]`, `["CMD", ...]`, `["CMD-SHELL", text]`, or [] to inherit. */
  readonly test: readonly string[];
  /** Nanoseconds; 0 inherits. */
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
}

/** What an image says of the processes made from it (OCI image-spec config.md, with Docker's extensions). */
export interface ImageProcess {
  readonly user: string;
  readonly env: readonly string[];
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly workingDirectory: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly exposedPorts: readonly string[];
  readonly volumes: readonly string[];
  readonly stopSignal: string;
  readonly healthcheck: Healthcheck | null;
  readonly onBuild: readonly string[];
  readonly shell: readonly string[] | null;
}

export interface ImageHistory {
  readonly created: string;
  readonly createdBy: string;
  readonly author: string;
  readonly comment: string;
  readonly emptyLayer: boolean;
}

/**
 * One image for one platform. `id` is the digest of its config blob, as Docker's classic image id.
 * `layers[i]` unpacks to the diff whose uncompressed tar has digest `diffIds[i]`.
 */
export interface ImageRecord {
  readonly id: Digest;
  readonly manifest: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  readonly platform: Platform;
  readonly created: string;
  readonly author: string;
  readonly process: ImageProcess;
  readonly history: readonly ImageHistory[];
  /** Bytes of all layers unpacked. */
  readonly size: number;
  /** The image that this one was made from here, as by `commit`. Lost where it is pulled or loaded. */
  readonly parent?: Digest;
}

/** A name that points at an image: `docker.io/library/nginx:latest`, or a name with a digest. */
export interface ImageName {
  /** Canonical text of the reference; the key. */
  readonly name: string;
  /** The manifest or index that the name resolved to at the registry. */
  readonly target: Descriptor;
  /** The image that the name means where nothing is said of a platform: this host's, if that is here. */
  readonly image: Digest;
  /** Images of other platforms that are here from the same index. */
  readonly variants?: readonly Digest[];
  /** Milliseconds since the epoch. */
  readonly taggedAt: number;
  /** The registry has this target under this name: it was pulled or pushed. */
  readonly atRegistry?: true;
}

/**
 * The digest of the chain of layers up to and including the last of `diffIds`
 * (OCI image-spec config.md, "Layer ChainID"): the key of a committed snapshot.
 */
export type ChainId = Digest;
