import type { ContainerRecord, ContainerSpec } from "../domain/container.ts";
import type { EngineEvent } from "../domain/event.ts";
import type { Isolation, ObjectId } from "../domain/identity.ts";
import type { ImageName, ImageProcess, ImageRecord } from "../domain/image.ts";
import type { ResourceLimits } from "../domain/limits.ts";
import type { VolumeRecord } from "../domain/mount.ts";
import type {
  EndpointSpec,
  InterfaceCounters,
  NetworkRecord,
  NetworkSpec,
} from "../domain/network.ts";
import type { LogLine, LogOptions } from "../domain/log-line.ts";
import type { AttachedStreams, ExitRecord } from "../domain/process.ts";
import type { ProxySettings } from "../domain/registry.ts";
import type { DiffEntry, RootfsStat } from "../domain/rootfs.ts";
import type { LimitAbilities, ProcessList, WorkloadStats } from "../domain/runtime.ts";

import type { DiskUseCases } from "./disk-use-cases.ts";
import type { BuildFiles, ContextStore } from "../domain/build/files.ts";
import type { BuildSources } from "../domain/build/sources.ts";
import type { BuildUseCases } from "./build/build.ts";
import type { ImageUseCases } from "./image-use-cases.ts";
import type { DiskShare } from "./system/image-shares.ts";

export type { ConvertOptions, DiskUseCases, ImportDiskOptions } from "./disk-use-cases.ts";
export type { ManifestPart } from "./images/manifests.ts";
export type { ImageUseCases, PullEvent, RemovedImagePart } from "./image-use-cases.ts";
export type { LogLine, LogOptions } from "../domain/log-line.ts";
export type { InterfaceCounters } from "../domain/network.ts";

/**
 * What servers may ask. Every `reference` to a container, network or volume is a full id, an
 * unambiguous id prefix or a name; not found is `not-found` with Docker's message.
 */
export interface Engine {
  readonly containers: ContainerUseCases;
  readonly execs: ExecUseCases;
  readonly images: ImageUseCases;
  readonly disks: DiskUseCases;
  readonly networks: NetworkUseCases;
  readonly volumes: VolumeUseCases;
  readonly system: SystemUseCases;
  readonly build: BuildUseCases;
  /** Where servers put the files that clients send for their builds. */
  readonly contexts: ContextStore;
  /** Reads small files such as Dockerfiles out of contexts. */
  readonly buildFiles: Pick<BuildFiles, "read">;
  /** What a client names by URL as its build's context; absent where builds may fetch nothing. */
  readonly buildSources?: BuildSources;
}

export interface ContainerUseCases {
  /** `request` is kept for inspect. Throws `not-found` IMAGE_NOT_FOUND, `conflict` NAME_IN_USE, `invalid`, `unsupported`. */
  create(
    name: string | null,
    spec: ContainerSpec,
    request: unknown,
    signal: AbortSignal,
  ): Promise<{ readonly id: ObjectId; readonly warnings: readonly string[] }>;
  get(reference: string): ContainerRecord;
  list(): readonly ContainerRecord[];
  /** Bytes written to the container's own layer, and of its whole root. */
  size(
    reference: string,
    signal: AbortSignal,
  ): Promise<{ readonly writable: number; readonly root: number }>;
  /** Where its things lie on the host. */
  places(reference: string): Promise<ContainerPlaces>;
  /** `unchanged` when it runs already. */
  start(reference: string, signal: AbortSignal): Promise<void>;
  /** `timeout` in seconds, null for the container's own; `unchanged` when it does not run. */
  stop(
    reference: string,
    timeout: number | null,
    signalName: string | null,
    signal: AbortSignal,
  ): Promise<void>;
  restart(
    reference: string,
    timeout: number | null,
    signalName: string | null,
    signal: AbortSignal,
  ): Promise<void>;
  /** Throws `conflict` NOT_RUNNING. */
  kill(reference: string, signalName: string, signal: AbortSignal): Promise<void>;
  pause(reference: string, signal: AbortSignal): Promise<void>;
  resume(reference: string, signal: AbortSignal): Promise<void>;
  rename(reference: string, name: string, signal: AbortSignal): Promise<void>;
  update(
    reference: string,
    resources: Partial<ResourceLimits>,
    restart: ContainerSpec["lifecycle"]["restart"] | null,
    signal: AbortSignal,
  ): Promise<{ readonly warnings: readonly string[] }>;
  remove(
    reference: string,
    options: { readonly force: boolean; readonly volumes: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  prune(keep: (container: ContainerRecord) => boolean, signal: AbortSignal): Promise<PruneResult>;
  /**
   * Resolves when the condition holds. `ready` is called once the wait is registered, so that
   * nothing that happens after the caller answered its headers is missed.
   */
  wait(
    reference: string,
    condition: "not-running" | "next-exit" | "removed",
    ready: () => void,
    signal: AbortSignal,
  ): Promise<ExitRecord>;
  /** Works on a container that is created, too: the streams begin with its first output. */
  attach(reference: string, options: AttachOptions, signal: AbortSignal): Promise<AttachedStreams>;
  /** A client has left an attachment by its detach keys. */
  noteDetached(reference: string): void;
  resize(reference: string, rows: number, columns: number, signal: AbortSignal): Promise<void>;
  logs(
    reference: string,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncIterable<readonly LogLine[]>;
  stats(reference: string, signal: AbortSignal): Promise<ContainerStats>;
  top(reference: string, psArguments: readonly string[], signal: AbortSignal): Promise<ProcessList>;
  changes(reference: string, signal: AbortSignal): Promise<readonly DiffEntry[]>;
  export(reference: string, signal: AbortSignal): AsyncIterable<Buffer>;
  statPath(reference: string, path: string, signal: AbortSignal): Promise<RootfsStat>;
  /** A tar stream as Docker's `GET /containers/{id}/archive`. */
  archive(
    reference: string,
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly stat: RootfsStat; readonly body: AsyncIterable<Buffer> }>;
  /** `tar` uncompressed. */
  extract(
    reference: string,
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: { readonly noOverwriteDirNonDir: boolean; readonly copyOwner: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  commit(reference: string, request: CommitRequest, signal: AbortSignal): Promise<string>;
}

/** Host paths of a container's things; "" for what it has not (yet). */
export interface ContainerPlaces {
  /** The log, where its format is Docker's json-file. */
  readonly log: string;
  readonly hosts: string;
  readonly hostname: string;
  readonly resolver: string;
  readonly networkNamespace: string;
  /** The AppArmor profile of its last run; "" where there was none. */
  readonly profile: string;
  /** Links to other containers by the names that those have now, as `/other:/own/alias`. */
  readonly links: readonly string[];
  /** Its root file system; `data` is null while that is being removed. */
  readonly root: {
    readonly driver: string;
    readonly data: Readonly<Record<string, string>> | null;
  };
}

export interface CommitRequest {
  readonly repository: string;
  readonly tag: string;
  readonly comment: string;
  readonly author: string;
  readonly pause: boolean;
  /** Dockerfile instructions such as `CMD ["x"]`. */
  readonly changes: readonly string[];
  /** What the client sets before the changes; null keeps the container's. */
  readonly process: Partial<ImageProcess> | null;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Send what was logged before. */
  readonly logs: boolean;
  /** Stay for what comes. */
  readonly stream: boolean;
}

export interface ContainerStats {
  readonly record: ContainerRecord;
  readonly stats: WorkloadStats;
  readonly networks: Readonly<Record<string, InterfaceCounters>>;
}

export interface PruneResult {
  readonly deleted: readonly string[];
  /** Bytes. */
  readonly reclaimed: number;
}

export interface ExecSpec {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly privileged: boolean;
  readonly terminal: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly detachKeys: string;
  readonly terminalSize: { readonly rows: number; readonly columns: number };
}

export interface ExecState {
  readonly id: ObjectId;
  readonly container: ObjectId;
  readonly spec: ExecSpec;
  readonly running: boolean;
  readonly started: boolean;
  /** null until it has ended. */
  readonly exitCode: number | null;
  readonly pid: number;
}

export interface ExecUseCases {
  create(container: string, spec: ExecSpec): Promise<ObjectId>;
  get(id: string): ExecState;
  /** Ids of a container's execs that have not ended; `container` is a full id. */
  of(container: ObjectId): readonly ObjectId[];
  /**
   * Starts it; gives its streams, or null when detached. Runs the command as far as `exec` is known
   * to have worked: exit code 126/127 arise as Docker's do.
   */
  start(
    id: string,
    options: {
      readonly detach: boolean;
      readonly terminal: boolean;
      readonly terminalSize: { rows: number; columns: number };
    },
    signal: AbortSignal,
  ): Promise<AttachedStreams | null>;
  /** A client has left the command's streams by its detach keys. */
  noteDetached(id: string): void;
  resize(id: string, rows: number, columns: number, signal: AbortSignal): Promise<void>;
}

export interface NetworkUseCases {
  get(reference: string): NetworkRecord;
  list(): readonly NetworkRecord[];
  /** Containers with a live endpoint. */
  members(network: NetworkRecord): readonly ContainerRecord[];
  create(
    spec: NetworkSpec,
    signal: AbortSignal,
  ): Promise<{ readonly id: ObjectId; readonly warning: string }>;
  remove(reference: string, signal: AbortSignal): Promise<void>;
  connect(
    reference: string,
    container: string,
    endpoint: EndpointSpec,
    signal: AbortSignal,
  ): Promise<void>;
  disconnect(
    reference: string,
    container: string,
    force: boolean,
    signal: AbortSignal,
  ): Promise<void>;
  prune(keep: (network: NetworkRecord) => boolean, signal: AbortSignal): Promise<PruneResult>;
}

export interface VolumeUseCases {
  get(name: string): VolumeRecord;
  list(): readonly VolumeRecord[];
  users(volume: VolumeRecord): readonly ContainerRecord[];
  create(
    name: string,
    options: {
      readonly driver: string;
      readonly options: Readonly<Record<string, string>>;
      readonly labels: Readonly<Record<string, string>>;
    },
    signal: AbortSignal,
  ): Promise<VolumeRecord>;
  remove(name: string, force: boolean, signal: AbortSignal): Promise<void>;
  prune(keep: (volume: VolumeRecord) => boolean, signal: AbortSignal): Promise<PruneResult>;
}

export interface SystemUseCases {
  info(signal: AbortSignal): Promise<SystemInfo>;
  /**
   * Events from now on, and of those before what is kept where a bound is told, until the signal aborts. Times in
   * milliseconds, null for none. A slow reader is dropped.
   */
  events(
    options: { readonly since: number | null; readonly until: number | null },
    signal: AbortSignal,
  ): AsyncIterable<EngineEvent>;
  /** How many follow events, and how many were dropped since they read too slowly. */
  watchers(): { readonly events: number; readonly dropped: number };
  /** `only` leaves the others empty, and spares the walk through them. */
  diskUsage(signal: AbortSignal, only?: ReadonlySet<DiskUser>): Promise<DiskUsage>;
}

export interface SystemInfo {
  readonly id: string;
  readonly name: string;
  readonly dataRoot: string;
  /** Kind of the file system that the data root lies on, such as `extfs`. */
  readonly dataFileSystem: string;
  /** Descriptors that the daemon has open. */
  readonly openFiles: number;
  readonly kernel: string;
  readonly operatingSystem: string;
  readonly osVersion: string;
  readonly architecture: string;
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly cgroupVersion: "1" | "2";
  readonly cgroupDriver: string;
  readonly counts: Readonly<
    Record<"containers" | "running" | "paused" | "stopped" | "images", number>
  >;
  readonly runtimes: readonly {
    readonly name: string;
    readonly isolation: Isolation;
    readonly description: string;
    /** Workloads made in advance, where the runtime makes some. */
    readonly waiting?: number;
    /** Machines taken since the daemon's start, where the runtime has some. */
    readonly used?: number;
  }[];
  readonly securityOptions: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly mirrors: readonly string[];
  /** By which registries are reached, without passwords. */
  readonly proxies: ProxySettings;
  readonly warnings: readonly string[];
  /** Of containers that name none. */
  readonly logDriver: string;
  /** Those that containers may name, sorted. */
  readonly logDrivers: readonly string[];
  /** Null where no runtime tells of this host's limits. */
  readonly limits: LimitAbilities | null;
  readonly startedAt: number;
}

export type DiskUser = "image" | "container" | "volume";

export interface DiskUsage {
  /** Bytes on disk of all images, each layer once; without what only the cache of builds has. */
  readonly storage: {
    /** Layers unpacked. */
    readonly layers: number;
    /** What came from registries or goes there: layers as they are sent, manifests, configurations. */
    readonly blobs: number;
    /** Disks that machines were made of images. */
    readonly disks: number;
    /** What is coming in, or was when a pull was broken off. */
    readonly ingests: number;
    /** What of all that removing the images without a container would give back. */
    readonly reclaimable: number;
  };
  readonly images: readonly {
    readonly image: ImageRecord;
    readonly names: readonly ImageName[];
    readonly containers: number;
    /** Bytes of its layers that other images have, too. */
    readonly shared: number;
    /** With what it has besides unpacked layers; of what several have that containers use, one shares nothing. */
    readonly onDisk: DiskShare;
  }[];
  readonly containers: readonly {
    readonly record: ContainerRecord;
    readonly writable: number;
    readonly root: number;
  }[];
  readonly volumes: readonly {
    readonly volume: VolumeRecord;
    readonly size: number;
    readonly users: number;
  }[];
}
