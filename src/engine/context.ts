import type { BuildFiles, ContextStore } from "../domain/build/files.ts";
import type { BuildSources } from "../domain/build/sources.ts";
import type { ContentStore } from "../domain/content.ts";
import type { ImageArchive } from "../domain/archive.ts";
import type { BootDisks } from "../domain/boot-disk.ts";
import type { ForeignDisks } from "../domain/foreign-disk.ts";
import type { HostMounts } from "../domain/host-mounts.ts";
import type { LoggingSpec } from "../domain/container.ts";
import type { ImagePolicy } from "../domain/image-policy.ts";
import type { Isolation } from "../domain/identity.ts";
import type { Ulimit } from "../domain/limits.ts";
import type { LogReader } from "../domain/log-reader.ts";
import type { LogDestinations } from "../domain/log-sink.ts";
import type { NetworkDriver } from "../domain/network.ts";
import type { ProxySettings, RegistryClient } from "../domain/registry.ts";
import type { RootfsAccess } from "../domain/rootfs.ts";
import type { Runtime } from "../domain/runtime.ts";
import type { RootKind, Snapshotter } from "../domain/snapshot.ts";
import type { StateStore } from "../domain/store.ts";
import type { Turns } from "../kit/turns.ts";
import type { KeyedLock } from "../kit/keyed-lock.ts";
import type { Log } from "../kit/log.ts";
import type { LogShipments } from "./containers/log-shipments.ts";
import type { ExecTable } from "./containers/exec-table.ts";
import type { EventBus } from "./events.ts";
import type { BuildWork } from "./build/build-work.ts";
import type { HealthMonitors } from "./health/monitors.ts";
import type { CollectionGate } from "./images/collection-gate.ts";
import type { StoreClaims } from "./images/store-claims.ts";
import type { LiveContainers } from "./live.ts";
import type { HeldVolumes } from "./volumes/held-volumes.ts";

/** Facts and choices of this daemon that use cases need. */
export interface EngineSettings {
  /** Random id of this data root, kept in it. */
  readonly id: string;
  readonly dataRoot: string;
  readonly runDirectory: string;
  /** Folder of durable per-container files; one child a container, named by id. */
  readonly containersDirectory: string;
  readonly volumesDirectory: string;
  /** Folder with one short-named child a running workload. */
  readonly workloadsDirectory: string;
  readonly insecureRegistries: readonly string[];
  /** Where a workload does not say otherwise. */
  readonly defaultUlimits: readonly Ulimit[];
  readonly logging: LoggingSpec;
  readonly mirrors: readonly string[];
  /** As they may be shown: without passwords. */
  readonly proxies: ProxySettings;
  readonly defaultIsolation: Isolation;
  /** Bytes that images may take; 0 for no limit. */
  readonly storeLimit: number;
  readonly cgroupVersion: "1" | "2";
  readonly startedAt: number;
}

/** The ports that the use cases work through, chosen by the daemon. */
export interface EngineContext {
  readonly settings: EngineSettings;
  readonly log: Log;
  readonly store: StateStore;
  readonly content: ContentStore;
  readonly registry: RegistryClient;
  /** Which images may be pulled. */
  readonly policy: ImagePolicy;
  readonly archive: ImageArchive;
  readonly bootDisks: BootDisks;
  readonly foreignDisks: ForeignDisks;
  readonly rootfs: RootfsAccess;
  readonly logs: LogReader;
  readonly logSinks: LogDestinations;
  readonly shipments: LogShipments;
  readonly network: NetworkDriver;
  readonly mounts: HostMounts;
  readonly held: HeldVolumes;
  readonly runtimes: ReadonlyMap<Isolation, Runtime>;
  readonly snapshotters: Readonly<Record<RootKind, Snapshotter>>;
  readonly events: EventBus;
  readonly live: LiveContainers;
  readonly execs: ExecTable;
  readonly health: HealthMonitors;
  /** One lifecycle action a container at a time, by id. */
  readonly containerLocks: KeyedLock;
  /** Containers that are being started; more wait. */
  readonly starts: Turns;
  readonly collection: CollectionGate;
  readonly storeClaims: StoreClaims;
  readonly builds: BuildWork;
  readonly buildFiles: BuildFiles;
  readonly contexts: ContextStore;
  /** Absent where builds may fetch nothing. */
  readonly buildSources?: BuildSources;
  /** Held by name while networks or a volume change. */
  readonly objectLocks: KeyedLock;
}
