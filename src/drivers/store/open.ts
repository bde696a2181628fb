import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { readRows } from "./record-table.ts";
import { hasQuarantined, salvage } from "./salvage.ts";
import {
  applicationId,
  migrate,
  migrations,
  readPragma,
  refuseNewer,
  schemaVersion,
  tableNames,
} from "./schema.ts";
import { isDamage, storeError } from "./store-error.ts";
import { syncPath } from "./sync-path.ts";

/** What to do about a damaged state: leave everything as it is and say so, or save what still reads. */
export type DamagePolicy = "refuse" | "salvage";

const backupMaximumAge = 3_600_000;

export interface OpenedDatabase {
  readonly database: DatabaseSync;
  readonly salvaged: boolean;
}

/** Opens, checks and upgrades the database file; see openStateStore. */
export function openDatabase(path: string, log: Log, onDamage: DamagePolicy): OpenedDatabase {
  try {
    return { database: openChecked(path), salvaged: hasQuarantined(path) };
  } catch (error) {
    if (!isDamage(error)) throw storeError(error).failure;
    if (onDamage === "refuse") throw refusal(path, error);
    salvage(path, log, (fresh) => createDatabase(fresh));
    return { database: openChecked(path), salvaged: true };
  }
}

function openChecked(path: string): DatabaseSync {
  if (!existsSync(path)) {
    refuseTraces(path);
    createDatabase(path);
  }
  if (statSync(path).size === 0) throw damaged(path, "it is empty");
  const database = new DatabaseSync(path);
  try {
    configure(database);
    check(database, path);
    if (schemaVersion(database) < migrations.length) {
      copyDatabase(database, `${path}.version-${schemaVersion(database)}`);
      migrate(database);
    }
    for (const table of tableNames) for (const _row of readRows(database, table));
    refreshBackup(database, `${path}.backup`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A state file is complete or absent, never empty: it is made aside and moved into place. */
function createDatabase(path: string): void {
  const temporary = `${path}.new`;
  for (const suffix of ["", "-wal", "-shm", "-journal"])
    rmSync(`${temporary}${suffix}`, { force: true });
  closeSync(openSync(temporary, "wx", 0o600));
  const database = new DatabaseSync(temporary);
  try {
    database.exec("PRAGMA synchronous = FULL");
    migrate(database);
  } finally {
    database.close();
  }
  renameSync(temporary, path);
  syncPath(dirname(path));
}

function configure(database: DatabaseSync): void {
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA busy_timeout = 2000");
  database.exec("PRAGMA trusted_schema = OFF");
  database.exec("PRAGMA cell_size_check = ON");
}

function check(database: DatabaseSync, path: string): void {
  if (readPragma(database, "application_id") !== applicationId)
    throw damaged(path, "it is not a state file of Duet");
  refuseNewer(schemaVersion(database));
  const first = database.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
  if (first !== "ok") throw damaged(path, String(first));
}

/** Where a database was, its absence is damage too: starting empty would forget everything silently. */
function refuseTraces(path: string): void {
  const trace = [`${path}-wal`, `${path}.backup`].find((file) => existsSync(file));
  if (trace !== undefined) throw damaged(path, `it is missing although ${trace} exists`);
}

function refreshBackup(database: DatabaseSync, backup: string): void {
  const age = existsSync(backup) ? Date.now() - statSync(backup).mtimeMs : Infinity;
  if (age >= 0 && age < backupMaximumAge) return;
  copyDatabase(database, backup);
}

function copyDatabase(database: DatabaseSync, target: string): void {
  const temporary = `${target}.new`;
  rmSync(temporary, { force: true });
  closeSync(openSync(temporary, "wx", 0o600));
  database.prepare("VACUUM INTO ?").run(temporary);
  syncPath(temporary);
  renameSync(temporary, target);
  syncPath(dirname(target));
}

function damaged(path: string, why: string): DuetError {
  return new DuetError("corrupt", "STATE_CORRUPT", `the state is damaged: ${why}: ${path}`);
}

function refusal(path: string, cause: unknown): DuetError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = why.includes(path) ? why : `the state is damaged: ${why}: ${path}`;
  return new DuetError("corrupt", "STATE_CORRUPT", message, {
    cause,
    subject: path,
    hint: "nothing was changed; restore the file, or start the daemon with state recovery to keep what still reads",
  });
}
