import type { Digest } from "../domain/digest.ts";
import type { Descriptor, ImageName, ImageRecord, Platform } from "../domain/image.ts";
import type { Lease } from "./images/lease.ts";
import type { ManifestPart } from "./images/manifests.ts";
import type { PullFigures } from "./images/pull-tally.ts";
import type { PullTimings } from "../domain/pull-phases.ts";
import type {
  AcceptedLogin,
  BlobStream,
  PullProgress,
  ReferrersTree,
  RegistryClient,
  RegistryCredentials,
  RemoteImage,
} from "../domain/registry.ts";

/** One layer's part in a push. */
export interface PushProgress {
  readonly layer: Descriptor;
  readonly phase: "preparing" | "waiting" | "pushing" | "pushed" | "exists" | "mounted" | "foreign";
  /** Bytes sent. */
  readonly current: number;
  /** The repository that it was mounted from, or "". */
  readonly from: string;
}

export type PullEvent =
  | { readonly kind: "status"; readonly id: string; readonly text: string }
  | { readonly kind: "layer"; readonly progress: PullProgress }
  | { readonly kind: "upload"; readonly progress: PushProgress }
  /** A name has been pulled: what that took. */
  | { readonly kind: "timings"; readonly timings: PullTimings }
  /** The tag is written: what it names now. */
  | { readonly kind: "pushed"; readonly tag: string; readonly descriptor: Descriptor }
  /** Of the index only one platform's manifest could be pushed. */
  | { readonly kind: "instead"; readonly index: Descriptor; readonly manifest: Descriptor };

/** A name that was taken off an image, or an image or layer (by its chain id) that is gone. */
export type RemovedImagePart =
  | { readonly untagged: string; readonly deleted?: undefined }
  | { readonly deleted: Digest; readonly untagged?: undefined };

/** An image that comes from no registry: such as a layout that a client has, or another build's result. */
export interface GivenImage {
  /** For people. */
  readonly name: string;
  /** Its manifest, or an index. */
  readonly target: Descriptor;
  /** Not verified. Not asked for blobs that are here. */
  blob(blob: Descriptor, offset: number, signal: AbortSignal): Promise<BlobStream>;
}

export interface TakeOptions {
  readonly platform: Platform;
  readonly lease: Lease;
  progress(progress: PullProgress): void;
}

export interface ImportOptions {
  readonly reference: string;
  readonly changes: readonly string[];
  readonly message: string;
  /** null for this host's. */
  readonly platform: Platform | null;
}

export interface ImageUseCases {
  /** By name, id, id prefix or digest; `platform` chooses among those that a name has. Throws `not-found` IMAGE_NOT_FOUND ("No such image: …"). */
  get(
    reference: string,
    platform?: Platform | null,
  ): { readonly image: ImageRecord; readonly names: readonly ImageName[] };
  /** Bytes of each layer unpacked, the lowest first; 0 for one that is not. */
  layerSizes(image: ImageRecord): Promise<readonly number[]>;
  list(): readonly { readonly image: ImageRecord; readonly names: readonly ImageName[] }[];
  /** The manifests of the index that a name of it leads to, those of other platforms too. */
  manifests(image: ImageRecord, names: readonly ImageName[]): Promise<readonly ManifestPart[]>;
  pull(
    reference: string,
    options: {
      readonly platform: Platform | null;
      /** Every tag of the repository; the reference's own does not count. */
      readonly allTags?: boolean;
      /** Also everything else that the index names, to push it on as it is; only one is unpacked. */
      readonly allPlatforms?: boolean;
      readonly auth: RegistryCredentials | null;
      progress(event: PullEvent): void;
    },
    signal: AbortSignal,
  ): Promise<ImageRecord>;
  /** What all pulls since this daemon's start took. */
  pullFigures(): PullFigures;
  /** Brings an image for as long as `lease` holds it, under no name and in no list. */
  take(given: GivenImage, options: TakeOptions, signal: AbortSignal): Promise<ImageRecord>;
  /** One tag, with `platform` only that of an index; without a tag in `reference` every tag of the repository. */
  push(
    reference: string,
    options: {
      readonly auth: RegistryCredentials | null;
      readonly platform: Platform | null;
      progress(event: PullEvent): void;
    },
    signal: AbortSignal,
  ): Promise<void>;
  /** A manifest in the content store that is no image's, with all that it names, by a tag. */
  pushTarget(
    reference: string,
    target: Descriptor,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<void>;
  /** Brings a blob that is not here, for as long as `lease` holds it. */
  bring(given: GivenImage, blob: Descriptor, lease: Lease, signal: AbortSignal): Promise<void>;
  tag(source: string, target: string): Promise<void>;
  remove(
    reference: string,
    options: { readonly force: boolean; readonly prune: boolean },
    signal: AbortSignal,
  ): Promise<readonly RemovedImagePart[]>;
  prune(
    keep: (image: ImageRecord, names: readonly ImageName[]) => boolean,
    signal: AbortSignal,
  ): Promise<{ readonly removed: readonly RemovedImagePart[]; readonly reclaimed: number }>;
  /** A tar with OCI layout and Docker's manifest.json. */
  save(references: readonly string[], signal: AbortSignal): AsyncIterable<Buffer>;
  /** Of each image the one for `platforms`, or for this host where none is given. */
  load(
    tar: AsyncIterable<Uint8Array>,
    progress: (message: string) => void,
    signal: AbortSignal,
    platforms?: readonly Platform[],
  ): Promise<readonly string[]>;
  /** One uncompressed or compressed tar as a single-layer image. */
  import(
    tar: AsyncIterable<Uint8Array>,
    options: ImportOptions,
    signal: AbortSignal,
  ): Promise<ImageRecord>;
  /**
   * As `import`, of what a URL gives; `http://` goes without saying. `begun` is told the URL once it has come.
   * Throws what fetching for a build throws, too.
   */
  importFrom(
    source: string,
    options: ImportOptions,
    begun: (url: string) => void,
    signal: AbortSignal,
  ): Promise<ImageRecord>;
  login(registry: string, auth: RegistryCredentials, signal: AbortSignal): Promise<AcceptedLogin>;
  /** Asks the registry itself, not this host. */
  remote(
    reference: string,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<RemoteImage>;
  /** What the registry has about it: signatures, attestations and the like. */
  referrers(
    reference: string,
    auth: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<ReferrersTree>;
  /** Writes an index under a tag, its manifests brought into the same repository; gives its digest. */
  pushIndex(
    reference: string,
    options: {
      readonly mediaType: string;
      readonly content: Buffer;
      /** Those of the index, with a reference of where each is. */
      readonly manifests: readonly { readonly source: string; readonly descriptor: Descriptor }[];
      readonly auth: RegistryCredentials | null;
    },
    signal: AbortSignal,
  ): Promise<Digest>;
  search: RegistryClient["search"];
}
