import type { DatabaseSync } from "node:sqlite";
import type { ContainerRecord } from "../../domain/container.ts";
import type { ContainerTable, Durability, StateStore } from "../../domain/store.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { openDatabase, type DamagePolicy, type OpenedDatabase } from "./open.ts";
import {
  buildCacheKind,
  containerKind,
  imageKind,
  imageNameKind,
  networkKind,
  volumeKind,
} from "./kinds.ts";
import { RecordTable, type Journal } from "./record-table.ts";
import { storeError } from "./store-error.ts";

export type { DamagePolicy } from "./open.ts";

/**
 * Opens (or makes) the state at `path`, a file in a folder that exists and that this process has
 * locked. Upgrades an older schema. Throws `unsupported` STATE_TOO_NEW, and `corrupt` STATE_CORRUPT
 * for a damaged file: with policy `refuse` (the default) nothing is changed; with `salvage` the file
 * is moved aside and every record that still reads is taken over.
 */
export function openStateStore(
  path: string,
  log: Log,
  onDamage: DamagePolicy = "refuse",
): StateStore {
  return new SqliteStateStore(openDatabase(path, log, onDamage));
}

class SqliteStateStore implements StateStore, Journal {
  readonly containers: ContainerTable;
  readonly images;
  readonly imageNames;
  readonly networks;
  readonly volumes;
  readonly buildCache;
  readonly salvaged: boolean;
  private readonly database: DatabaseSync;
  /** Undo steps of the cache, in order; empty outside transactions. */
  private undos: (() => void)[] = [];
  private depth = 0;
  /** Of the transaction that began last; the database is opened so. */
  private durability: Durability = "now";
  private failure: DuetError | undefined;

  constructor({ database, salvaged }: OpenedDatabase) {
    this.database = database;
    this.salvaged = salvaged;
    this.containers = new Containers(database, containerKind, this);
    this.images = new RecordTable(database, imageKind, this);
    this.imageNames = new RecordTable(database, imageNameKind, this);
    this.networks = new RecordTable(database, networkKind, this);
    this.volumes = new RecordTable(database, volumeKind, this);
    this.buildCache = new RecordTable(database, buildCacheKind, this);
  }

  onRollback(undo: () => void): void {
    this.undos.push(undo);
  }

  /** A transaction within another one is a savepoint: it rolls back alone. */
  transaction<T>(work: () => T, durability: Durability = "now"): T {
    if (this.failure !== undefined) throw this.failure;
    const mark = this.undos.length;
    this.begin(durability);
    let result: T;
    try {
      result = work();
      if (result instanceof Promise) throw asynchronousWork();
      this.commit();
    } catch (error) {
      this.rollBack(mark);
      throw this.explain(error);
    }
    if (this.depth === 0) this.undos = [];
    return result;
  }

  close(): void {
    if (this.database.isOpen) this.database.close();
    this.failure = new DuetError("unavailable", "STATE_CLOSED", "the state store is closed");
  }

  private begin(durability: Durability): void {
    try {
      if (this.depth === 0) this.sync(durability);
      this.database.exec(this.depth === 0 ? "BEGIN IMMEDIATE" : `SAVEPOINT level${this.depth}`);
    } catch (error) {
      throw this.explain(error);
    }
    this.depth += 1;
  }

  /** In WAL mode a commit that is NORMAL is written and not flushed; the next that is FULL flushes it, too. */
  private sync(durability: Durability): void {
    if (this.durability === durability) return;
    this.database.exec(`PRAGMA synchronous = ${durability === "now" ? "FULL" : "NORMAL"}`);
    this.durability = durability;
  }

  private commit(): void {
    this.database.exec(this.depth === 1 ? "COMMIT" : `RELEASE level${this.depth - 1}`);
    this.depth -= 1;
  }

  private rollBack(mark: number): void {
    this.depth -= 1;
    for (const undo of this.undos.splice(mark).toReversed()) undo();
    // SQLite rolls back by itself on some errors, such as a full disk.
    if (!this.database.isTransaction) return;
    if (this.depth === 0) this.database.exec("ROLLBACK");
    else this.database.exec(`ROLLBACK TO level${this.depth}; RELEASE level${this.depth}`);
  }

  /**
   * After a failed write or fsync nobody knows what is on disk (a second fsync may succeed although
   * the first lost pages), so the store refuses all later changes; a restart reads the truth.
   */
  private explain(error: unknown): unknown {
    const { failure, fatal } = storeError(error);
    if (fatal && failure instanceof DuetError) this.failure ??= failure;
    return failure;
  }
}

function asynchronousWork(): DuetError {
  return new DuetError(
    "internal",
    "TRANSACTION_ASYNC",
    "a transaction's work must not be asynchronous",
  );
}

class Containers extends RecordTable<ContainerRecord> implements ContainerTable {
  byName(name: string): ContainerRecord | undefined {
    const key = this.keyOfName(name);
    return key === undefined ? undefined : this.get(key);
  }

  byIdPrefix(prefix: string): readonly ContainerRecord[] {
    const exact = this.get(prefix);
    if (exact !== undefined) return [exact];
    const found: ContainerRecord[] = [];
    for (const [key, record] of this.records) {
      if (!key.startsWith(prefix)) continue;
      found.push(record);
      if (found.length === 2) break;
    }
    return found;
  }
}
