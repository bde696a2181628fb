import { copyFileSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Log } from "../../kit/log.ts";
import { rowChecksum, type StoredRow } from "./record-table.ts";
import { migrate, tableNames, type TableName } from "./schema.ts";
import { syncPath } from "./sync-path.ts";

type Rows = Map<TableName, Map<string, StoredRow>>;

/**
 * Copies a damaged database aside (`PATH.damaged-TIME`, kept for ever) and puts in its place a new
 * one of every row that still reads and has its checksum. A table in which damage was met is
 * completed from the backup: that may bring back what was deleted since, and loses nothing that exists.
 * As long as the damaged file is there, the store calls itself salvaged.
 */
export function salvage(path: string, log: Log, create: (path: string) => void): void {
  const aside = quarantine(path);
  const rows: Rows = new Map();
  const damagedTables = readSound(path, rows);
  const backup = `${path}.backup`;
  if (damagedTables.size > 0 && existsSync(backup)) completeFromBackup(backup, rows, damagedTables);
  const replacement = `${path}.salvaged`;
  rmSync(replacement, { force: true });
  create(replacement);
  writeRows(replacement, rows);
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  renameSync(replacement, path);
  syncPath(dirname(path));
  const kept = Object.fromEntries([...rows].map(([table, found]) => [table, found.size]));
  log.error("state-salvaged", {
    path,
    quarantined: aside,
    damagedTables: [...damagedTables],
    kept,
  });
}

/** Whether a salvage's damaged file is still there: until someone has looked at it and removed it. */
export function hasQuarantined(path: string): boolean {
  const prefix = `${basename(path)}.damaged-`;
  return readdirSync(dirname(path)).some((name) => name.startsWith(prefix));
}

function quarantine(path: string): string {
  let aside = `${path}.damaged-${new Date().toISOString().replace(/[:.]/g, "-")}`;
  while (existsSync(aside)) aside += "x";
  for (const suffix of ["-wal", ""]) {
    if (!existsSync(`${path}${suffix}`)) continue;
    copyFileSync(`${path}${suffix}`, `${aside}${suffix}`);
    syncPath(`${aside}${suffix}`);
  }
  syncPath(dirname(path));
  return aside;
}

/** Fills `rows` with what is sound; gives the tables in which something was not. */
function readSound(path: string, rows: Rows): Set<TableName> {
  const damaged = new Set<TableName>();
  const database = openOrNot(path);
  try {
    for (const table of tableNames) {
      const found = new Map<string, StoredRow>();
      rows.set(table, found);
      if (database === undefined || !readTable(database, table, found)) damaged.add(table);
    }
  } finally {
    database?.close();
  }
  return damaged;
}

function openOrNot(path: string): DatabaseSync | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return new DatabaseSync(path);
  } catch {
    return undefined;
  }
}

function readTable(
  database: DatabaseSync,
  table: TableName,
  found: Map<string, StoredRow>,
): boolean {
  if (readDirection(database, table, "ASC", found)) return true;
  // What lies behind a broken page is reached from the other end.
  readDirection(database, table, "DESC", found);
  return false;
}

function readDirection(
  database: DatabaseSync,
  table: TableName,
  order: "ASC" | "DESC",
  found: Map<string, StoredRow>,
): boolean {
  let sound = true;
  try {
    const select = database.prepare(
      `SELECT key, name, checksum, record FROM ${table} ORDER BY rowid ${order}`,
    );
    for (const { key, name, checksum, record } of select.iterate()) {
      const nameText = typeof name === "string" ? name : null;
      if (typeof key !== "string" || typeof record !== "string" || typeof checksum !== "number")
        sound = false;
      else if (rowChecksum(key, nameText, record) !== checksum) sound = false;
      else if (!found.has(key)) found.set(key, { key, name: nameText, checksum, record });
    }
    return sound;
  } catch {
    return false;
  }
}

function completeFromBackup(backup: string, rows: Rows, damaged: ReadonlySet<TableName>): void {
  const older: Rows = new Map();
  readSound(backup, older);
  for (const table of damaged) {
    const found = rows.get(table);
    const names = new Set([...(found?.values() ?? [])].map((row) => row.name));
    for (const row of older.get(table)?.values() ?? []) {
      const nameTaken = row.name !== null && names.has(row.name);
      if (found !== undefined && !found.has(row.key) && !nameTaken) found.set(row.key, row);
    }
  }
}

function writeRows(path: string, rows: Rows): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA synchronous = FULL");
    migrate(database);
    database.exec("BEGIN IMMEDIATE");
    for (const [table, found] of rows) {
      const insert = database.prepare(
        `INSERT OR IGNORE INTO ${table} (key, name, checksum, record) VALUES (?, ?, ?, ?)`,
      );
      for (const row of found.values()) insert.run(row.key, row.name, row.checksum, row.record);
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}
