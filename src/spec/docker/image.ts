// Made from description/image.ts by `npm run fix`: change it there.

import type { GraphDriverBody } from "./container.ts";
import type { ContainerConfig, HealthConfig } from "./container-config.ts";

/** One entry of `GET /images/json`. */
export interface ImageSummary {
  Id: string;
  ParentId: string;
  RepoTags: string[];
  RepoDigests: string[];
  /** Seconds since the epoch. */
  Created: number;
  Size: number;
  SharedSize: number;
  /** Up to API 1.43. */
  VirtualSize?: number;
  Labels: Record<string, string> | null;
  Containers: number;
  /** Where the request asks for it. From API 1.47 on. */
  Manifests?: ManifestSummary[];
}

/** One manifest of an image, for a platform or about another one. */
export interface ManifestSummary {
  ID: string;
  Descriptor: DescriptorBody;
  Available: boolean;
  Size: ManifestSize;
  Kind: "image" | "attestation" | "unknown";
  ImageData?: ManifestImage;
  AttestationData?: ManifestAttestation;
}

/** Bytes of a manifest's content, and with it unpacked. */
export interface ManifestSize {
  Content: number;
  Total: number;
}

/** Of a manifest that is an image. */
export interface ManifestImage {
  Platform: PlatformBody;
  Size: UnpackedSize;
  Containers: string[] | null;
}

/** Bytes of an image unpacked. */
export interface UnpackedSize {
  Unpacked: number;
}

/** Of a manifest that tells of another one. */
export interface ManifestAttestation {
  For: string;
}

/** The layers of an image, by the digests of their contents. */
export interface RootFsBody {
  Type: string;
  Layers?: string[];
}

/** What is known of an image here only. */
export interface ImageMetadata {
  LastTagTime: string;
}

/** What an image says of the containers that are made of it. */
export interface ImageConfig {
  /** As all of the next eight, always empty. Up to API 1.49. */
  Hostname?: string;
  /** Up to API 1.49. */
  Domainname?: string;
  /** Up to API 1.49. */
  AttachStdin?: boolean;
  /** Up to API 1.49. */
  AttachStdout?: boolean;
  /** Up to API 1.49. */
  AttachStderr?: boolean;
  /** Up to API 1.49. */
  Tty?: boolean;
  /** Up to API 1.49. */
  OpenStdin?: boolean;
  /** Up to API 1.49. */
  StdinOnce?: boolean;
  /** Up to API 1.49. */
  Image?: string;
  User: string;
  ExposedPorts?: Record<string, object>;
  Env: string[] | null;
  Cmd: string[] | null;
  Healthcheck?: HealthConfig;
  ArgsEscaped?: boolean;
  Volumes: Record<string, object> | null;
  WorkingDir: string;
  Entrypoint: string[] | null;
  OnBuild: string[] | null;
  Labels: Record<string, string> | null;
  StopSignal?: string;
  Shell?: string[];
}

/** `GET /images/{name}/json`. */
export interface ImageInspect {
  Id: string;
  RepoTags: string[];
  RepoDigests: string[];
  Parent: string;
  Comment: string;
  Created: string;
  DockerVersion: string;
  Author: string;
  Config: ImageConfig;
  /** What the image was made of, which is no longer known. Up to API 1.44. */
  ContainerConfig?: ContainerConfig;
  Architecture: string;
  Variant?: string;
  Os: string;
  Size: number;
  /** Up to API 1.43. */
  VirtualSize?: number;
  GraphDriver: GraphDriverBody;
  RootFS: RootFsBody;
  Metadata: ImageMetadata;
  /** Where the request asks for it. From API 1.48 on. */
  Manifests?: ManifestSummary[];
}

/** One of `GET /images/{name}/history`. */
export interface ImageHistoryEntry {
  Id: string;
  Created: number;
  CreatedBy: string;
  Tags: string[] | null;
  Size: number;
  Comment: string;
}

/** One of `DELETE /images/{name}`. */
export interface ImageDeleteEntry {
  Untagged?: string;
  Deleted?: string;
}

/** `POST /images/prune`. */
export interface ImagesPruneAnswer {
  ImagesDeleted: ImageDeleteEntry[] | null;
  SpaceReclaimed: number;
}

/** How far a step is. */
export interface ProgressDetail {
  current?: number;
  total?: number;
}

/** Why a stream of progress ends. */
export interface ProgressError {
  code?: number;
  message: string;
}

/** One line of the progress streams of pull, push, load and import. */
export interface ProgressMessage {
  status?: string;
  stream?: string;
  id?: string;
  progress?: string;
  progressDetail?: ProgressDetail;
  error?: string;
  errorDetail?: ProgressError;
  aux?: unknown;
}

/** One of `GET /images/search`. */
export interface SearchResult {
  star_count: number;
  is_official: boolean;
  name: string;
  is_automated: boolean;
  description: string;
}

/** A manifest as an index or a registry names it. */
export interface DescriptorBody {
  mediaType: string;
  digest: string;
  size: number;
  urls?: string[];
  annotations?: Record<string, string>;
  data?: string;
  platform?: PlatformBody;
  artifactType?: string;
}

/** What an image runs on. */
export interface PlatformBody {
  architecture: string;
  os: string;
  "os.version"?: string;
  "os.features"?: string[];
  variant?: string;
}

/** `GET /distribution/{name}/json`. */
export interface DistributionInspect {
  Descriptor: DescriptorBody;
  Platforms: PlatformBody[];
}

/** `POST /build/prune`. */
export interface BuildPruneAnswer {
  CachesDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** Header X-Registry-Auth (base64url of this), and `POST /auth`. */
export interface AuthConfig {
  username?: string;
  password?: string;
  auth?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** `POST /auth`. */
export interface AuthAnswer {
  Status: string;
  IdentityToken?: string;
}
