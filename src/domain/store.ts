import type { BuildCacheEntry } from "./build/cache-entry.ts";
import type { ContainerRecord } from "./container.ts";
import type { ImageName, ImageRecord } from "./image.ts";
import type { VolumeRecord } from "./mount.ts";
import type { NetworkRecord } from "./network.ts";

/** Records of one kind by key. Records are immutable values: `put` replaces. */
export interface Table<R> {
  get(key: string): R | undefined;
  list(): readonly R[];
  /** Throws `conflict` NAME_IN_USE where a unique name belongs to another key. */
  put(record: R): void;
  delete(key: string): void;
}

export interface ContainerTable extends Table<ContainerRecord> {
  byName(name: string): ContainerRecord | undefined;
  /** Records whose id starts with the prefix, at most two (enough to know that it is ambiguous). */
  byIdPrefix(prefix: string): readonly ContainerRecord[];
}

/**
 * How much a commit outlives. `now`: a loss of power, from its return on. `soon`: the end of the daemon, and a loss of
 * power from the next commit on that is `now`; for what nobody was told of, and what no bytes were removed for.
 */
export type Durability = "now" | "soon";

/**
 * What exists and its state. Reads outside a transaction see the last commit. A transaction is
 * synchronous: it commits when `work` returns and rolls back when it throws. One within another is as durable as that.
 */
export interface StateStore {
  readonly containers: ContainerTable;
  /** Key: image id. */
  readonly images: Table<ImageRecord>;
  /** Key: canonical reference text. */
  readonly imageNames: Table<ImageName>;
  readonly networks: Table<NetworkRecord>;
  /** Key: volume name. */
  readonly volumes: Table<VolumeRecord>;
  /** Key: what made it. */
  readonly buildCache: Table<BuildCacheEntry>;
  /**
   * Whether the state was once found damaged and saved in part, and the damaged file is still kept.
   * Records may be missing: data that has no record is then not garbage.
   */
  readonly salvaged: boolean;
  /** `now` where nothing is said. */
  transaction<T>(work: () => T, durability?: Durability): T;
  close(): void;
}
