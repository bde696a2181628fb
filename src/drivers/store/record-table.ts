import { crc32 } from "node:zlib";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Table } from "../../domain/store.ts";
import { DuetError } from "../../kit/errors.ts";
import type { TableName } from "./schema.ts";

/** What a table needs to know of its records. */
export interface RecordKind<R> {
  readonly table: TableName;
  key(record: R): string;
  /** A second name that no other record may have, or null. */
  uniqueName(record: R): string | null;
  nameInUse(name: string, owner: string): DuetError;
}

/** What the tables of one store share: transactions and their undo steps. */
export interface Journal {
  /** Runs `work` in the open transaction, or in one of its own. */
  transaction<T>(work: () => T): T;
  /** Registers how to bring the cache back if the transaction rolls back. */
  onRollback(undo: () => void): void;
}

export interface StoredRow {
  readonly key: string;
  readonly name: string | null;
  readonly checksum: number;
  readonly record: string;
}

export function rowChecksum(key: string, name: string | null, record: string): number {
  return crc32(`${key}\0${name ?? ""}\0${record}`);
}

/**
 * The records of one kind: all in memory, every change also in the database before the transaction
 * ends. Reading never touches the disk.
 */
export class RecordTable<R> implements Table<R> {
  protected readonly records = new Map<string, R>();
  private readonly names = new Map<string, string>();
  private listed: readonly R[] | undefined;
  private readonly kind: RecordKind<R>;
  private readonly journal: Journal;
  private readonly upsert: StatementSync;
  private readonly remove: StatementSync;

  constructor(database: DatabaseSync, kind: RecordKind<R>, journal: Journal) {
    this.kind = kind;
    this.journal = journal;
    this.upsert = database.prepare(
      `INSERT INTO ${kind.table} (key, name, checksum, record) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET name = excluded.name, checksum = excluded.checksum, record = excluded.record`,
    );
    this.remove = database.prepare(`DELETE FROM ${kind.table} WHERE key = ?`);
    for (const row of readRows(database, kind.table)) {
      // The row's own table wrote it, and its checksum was verified: the shape is that of R.
      this.remember(row.key, JSON.parse(row.record) as R);
    }
  }

  get(key: string): R | undefined {
    return this.records.get(key);
  }

  list(): readonly R[] {
    this.listed ??= [...this.records.values()];
    return this.listed;
  }

  put(record: R): void {
    const key = this.kind.key(record);
    const name = this.kind.uniqueName(record);
    const owner = name === null ? undefined : this.names.get(name);
    if (name !== null && owner !== undefined && owner !== key)
      throw this.kind.nameInUse(name, owner);
    const text = JSON.stringify(record);
    this.journal.transaction(() => {
      this.upsert.run(key, name, rowChecksum(key, name, text), text);
      this.change(key, record);
    });
  }

  delete(key: string): void {
    if (!this.records.has(key)) return;
    this.journal.transaction(() => {
      this.remove.run(key);
      this.change(key, undefined);
    });
  }

  protected keyOfName(name: string): string | undefined {
    return this.names.get(name);
  }

  private change(key: string, record: R | undefined): void {
    const before = this.records.get(key);
    this.journal.onRollback(() => this.remember(key, before));
    this.remember(key, record);
  }

  private remember(key: string, record: R | undefined): void {
    this.listed = undefined;
    const before = this.records.get(key);
    const oldName = before === undefined ? null : this.kind.uniqueName(before);
    if (oldName !== null && this.names.get(oldName) === key) this.names.delete(oldName);
    if (record === undefined) {
      this.records.delete(key);
      return;
    }
    this.records.set(key, record);
    const name = this.kind.uniqueName(record);
    if (name !== null) this.names.set(name, key);
  }
}

/** Rows in the order in which they were first written. Throws `corrupt` STATE_CORRUPT at one that is not as it was written. */
export function* readRows(database: DatabaseSync, table: TableName): Generator<StoredRow> {
  const select = database.prepare(
    `SELECT key, name, checksum, record FROM ${table} ORDER BY rowid`,
  );
  for (const row of select.iterate()) {
    const { key, name, checksum, record } = row;
    if (typeof key !== "string" || typeof record !== "string" || typeof checksum !== "number") {
      throw damagedRow(table, key);
    }
    const nameText = typeof name === "string" ? name : null;
    if (rowChecksum(key, nameText, record) !== checksum) throw damagedRow(table, key);
    yield { key, name: nameText, checksum, record };
  }
}

function damagedRow(table: TableName, key: unknown): DuetError {
  const shown = JSON.stringify(String(key).slice(0, 100));
  return new DuetError("corrupt", "STATE_CORRUPT", `a record of ${table} is damaged: ${shown}`);
}
