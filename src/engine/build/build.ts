import type { GitCommits } from "./git-commits.ts";
import type { GivenImage } from "../image-use-cases.ts";
import type { CachedChain } from "../../domain/build/cache-manifest.ts";
import type { BuildEvent } from "../../domain/build/event.ts";
import type { PlanWarning, StageGraph, StagePlan } from "../../domain/build/plan.ts";
import type { ContextTree } from "../../domain/build/files.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Isolation } from "../../domain/identity.ts";
import type {
  Descriptor,
  ImageHistory,
  ImageProcess,
  ImageRecord,
  Platform,
} from "../../domain/image.ts";
import type { ResourceLimits } from "../../domain/limits.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";

/** What is to be built. All of it comes from a client. */
export interface BuildRequest {
  /** Path of the Dockerfile below the context, for messages, and its bytes. */
  readonly dockerfile: { readonly name: string; readonly content: Buffer };
  readonly buildArguments: Readonly<Record<string, string>>;
  /** "" for the last stage. */
  readonly target: string;
  readonly platform: Platform;
  /** It is one of several builds of the file, told apart by their platforms. */
  readonly showPlatform?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** Named contexts (`--build-context`): an image by reference or given, or files that the client gives under that name. */
  readonly contexts: Readonly<Record<string, { readonly image: string | GivenImage } | "files">>;
  /** All steps, or those of the stages named, are run though they are cached. */
  readonly noCache: boolean | readonly string[];
  /** Look for newer base images. */
  readonly pull: boolean;
  /** Images whose layers may serve as results, and caches that were exported; by reference, or given. */
  readonly cacheFrom: readonly (string | GivenImage)[];
  /** For RUN; the daemon's default where null. */
  readonly isolation: Isolation | null;
  readonly network: "default" | "none" | "host";
  /** `name:address` each. */
  readonly extraHosts: readonly string[];
  readonly resources: ResourceLimits | null;
  /** What RUN's host is named; BuildKit's name where nothing is said. */
  readonly hostname?: string;
  /** Keeps the cache mounts of this build apart from those of others; "" or nothing for all others'. */
  readonly cacheNamespace?: string;
  /** Bytes of /dev/shm; 0 for the default. */
  readonly sharedMemorySize: number;
  /** Whether RUN --security=insecure is allowed (`--allow security.insecure`), and RUN --network=host. */
  readonly allowInsecure: boolean;
  readonly allowHostNetwork: boolean;
  /** SOURCE_DATE_EPOCH in seconds: created times, and times of files and history that are later; null for now. */
  readonly epoch: number | null;
  /** Put what a later `cacheFrom` needs into the image (BUILDKIT_INLINE_CACHE). */
  readonly inlineCache: boolean;
}

/** The other side of a build: gives what the build asks for while it runs, and hears what happens. */
export interface BuildClient {
  /**
   * Files of the context by name ("" for the main one), sent as far as they changed. `only` are paths from the
   * root that are needed, null for all. Disposed by the build. Throws `not-found` CONTEXT_NOT_FOUND.
   */
  context(name: string, only: readonly string[] | null, signal: AbortSignal): Promise<ContextTree>;
  /** At most 500 KiB; undefined where the client has none. */
  secret(id: string, signal: AbortSignal): Promise<Buffer | undefined>;
  /** Path of a unix socket that reaches the client's ssh agent; undefined where it has none. Disposed by the build. */
  ssh(
    id: string,
    signal: AbortSignal,
  ): Promise<({ readonly path: string } & AsyncDisposable) | undefined>;
  credentials(host: string, signal: AbortSignal): Promise<RegistryCredentials | null>;
  /** What will be done, before any of it is. Must not throw. */
  planned?(planned: BuildPlanned): void;
  /** Must not throw. */
  tell(event: BuildEvent): void;
  /** What it has fetched of repositories for the build, and what several platforms' builds share; the build's own where absent. */
  readonly commits?: GitCommits;
}

/** A built stage, held until it is disposed; not yet an image. */
export interface BuildResult extends AsyncDisposable {
  readonly platform: Platform;
  readonly process: ImageProcess;
  readonly author: string;
  readonly history: readonly ImageHistory[];
  /** `isOwn`: made by this build's steps, not the base's. */
  readonly layers: readonly (Descriptor & { readonly isOwn: boolean })[];
  readonly diffIds: readonly Digest[];
  /** Images that the build stands on, for provenance: reference and digest. */
  readonly materials: readonly { readonly reference: string; readonly digest: Digest }[];
  /** A tar of the whole root, for `--output type=local|tar`. */
  tree(signal: AbortSignal): AsyncIterable<Buffer>;
  /** Layers of its steps for a cache elsewhere; with `all` those of stages that it only took files from, too. */
  steps(all: boolean): readonly CachedChain[];
  /** Config blob as it will be written: what LLBBridge's callers read. */
  readonly config: Buffer;
}

/** What a build would do: for `docker build --check` and `--call`. */
export interface BuildPlanned {
  readonly graph: StageGraph;
  /** Of the stages that the target needs. */
  readonly plans: readonly StagePlan[];
  readonly warnings: readonly PlanWarning[];
}

export interface BuildUseCases {
  /** What `solve` does up to running: bases are resolved, no step is run. */
  plan(request: BuildRequest, client: BuildClient, signal: AbortSignal): Promise<BuildPlanned>;
  /** Throws `invalid` DOCKERFILE_INVALID, and StepFailure (`invalid` STEP_FAILED where a process failed, or what its parts threw). */
  solve(request: BuildRequest, client: BuildClient, signal: AbortSignal): Promise<BuildResult>;
  /**
   * Makes an image of a result, and an index of several or where attestations are given; names it, and
   * publishes the event. `names` are references as users write them.
   */
  store(
    results: readonly BuildResult[],
    options: StoreOptions,
    signal: AbortSignal,
  ): Promise<StoredBuild>;
  /** The same as an archive, which `take` reads to its end; no image of it stays here. */
  archive(
    results: readonly BuildResult[],
    options: StoreOptions,
    take: (archive: AsyncIterable<Buffer>) => Promise<void>,
    signal: AbortSignal,
  ): Promise<WrittenBuild>;
  /** Writes a manifest of what the steps of results have made, which `take` puts elsewhere before it goes. */
  exportCache(
    results: readonly BuildResult[],
    options: { readonly all: boolean },
    take: (target: Descriptor, blobs: readonly Descriptor[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  /** Of a blob that is here. */
  blob(digest: Digest): Promise<AsyncIterable<Buffer>>;
  /** A context's small file such as a Dockerfile, its links followed inside; null where it is missing. Throws `too-large`. */
  readFile(tree: ContextTree, path: string, signal: AbortSignal): Promise<Buffer | null>;
  cache(): Promise<readonly BuildCacheRecord[]>;
  /** Throws `invalid` FILTER_INVALID. */
  pruneCache(
    request: CachePrune,
    signal: AbortSignal,
  ): Promise<{ readonly deleted: readonly BuildCacheRecord[]; readonly reclaimed: number }>;
}

/** What of the cache is removed; nothing that is in use. */
export interface CachePrune {
  /** BuildKit's filters, one of which must let it through. */
  readonly filters: readonly string[];
  /** Also what an image has, too. */
  readonly all: boolean;
  /** Only what was not used for so many milliseconds; null for any. */
  readonly unusedFor: number | null;
  /** Bytes that stay whatever the others say, that the cache may have, and that the disk is to have free; 0 for no word. */
  readonly reservedSpace: number;
  readonly maximumUsedSpace: number;
  readonly minimumFreeSpace: number;
}

/** What an image is made of results like. */
export interface StoreOptions {
  readonly names: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly attestations: readonly Attestation[];
  /** Layers stay as they are where nothing is said. */
  readonly compression?: LayerCompression;
  /** Whose names of media types; OCI's where nothing is said. */
  readonly mediaTypes?: "oci" | "docker";
}

export interface LayerCompression {
  readonly algorithm: "gzip" | "zstd" | "uncompressed";
  /** The algorithm's own; null for its default. */
  readonly level: number | null;
  /** Also layers of the base. */
  readonly force: boolean;
}

/** What results have become. */
export interface StoredBuild {
  /** This host's, where there are several. */
  readonly image: ImageRecord;
  /** What the names lead to: the image's manifest, or an index. */
  readonly target: Descriptor;
}

/** The same, where it is no image here. */
export interface WrittenBuild {
  readonly id: Digest;
  readonly target: Descriptor;
}

/** An in-toto statement about one result, as BuildKit attaches it (attestation manifests). */
export interface Attestation {
  readonly result: number;
  readonly predicateType: string;
  /** The statement about the manifest that the result has become. */
  readonly statement: (subject: Digest) => Buffer;
}

/** One entry of the build cache, in the words of `docker buildx du`. */
export interface BuildCacheRecord {
  readonly id: string;
  readonly parents: readonly string[];
  readonly kind: "regular" | "exec.cachemount" | "source.local" | "source.git.checkout";
  readonly description: string;
  /** Later builds change it. */
  readonly isMutable: boolean;
  readonly inUse: boolean;
  readonly shared: boolean;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly usedAt: number;
  readonly useCount: number;
}
