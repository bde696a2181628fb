import type { DatabaseSync } from "node:sqlite";
import { DuetError } from "../../kit/errors.ts";

/*
 * state.db, an SQLite file in WAL mode (PRAGMA application_id = "DUET", user_version = schema version):
 *
 *   containers   key = container id            name = container name, unique
 *   images       key = image id (config digest)
 *   image_names  key = canonical reference
 *   networks     key = network id              name = network name, unique
 *   volumes      key = volume name
 *   build_cache  key = what made the entry
 *
 * Every table has the same columns:
 *
 *   key       TEXT PRIMARY KEY
 *   name      TEXT UNIQUE or NULL
 *   checksum  INTEGER   CRC-32 of key, NUL, name, NUL, record: SQLite itself sees no flipped bit in a value
 *   record    TEXT      the record of src/domain as JSON
 *
 * Beside it: state.db-wal and -shm (SQLite's), state.db.backup (a recent whole copy),
 * state.db.version-N (the file as it was before the upgrade from schema version N) and
 * state.db.damaged-TIME (what a recovery moved aside).
 *
 * A change of a table or of a record's shape is a new migration at the end of `migrations`; those
 * that were ever released stay as they are.
 */

const firstTables = ["containers", "images", "image_names", "networks", "volumes"] as const;

export const tableNames = [...firstTables, "build_cache"] as const;

export type TableName = (typeof tableNames)[number];

/** "DUET" in ASCII. */
export const applicationId = 0x44554554;

/** `migrations[n]` brings a file from schema version n to n + 1, inside a transaction. */
export type Migration = (database: DatabaseSync) => void;

export const migrations: readonly Migration[] = [
  (database) => createTables(database, [...firstTables, "leases"]),
  (database) => createTables(database, ["build_cache"]),
  // What work under way holds is of no use to a later daemon.
  (database) => database.exec("DROP TABLE leases"),
];

function createTables(database: DatabaseSync, tables: readonly string[]): void {
  for (const table of tables) {
    database.exec(`CREATE TABLE ${table} (
      key TEXT PRIMARY KEY NOT NULL,
      name TEXT UNIQUE,
      checksum INTEGER NOT NULL,
      record TEXT NOT NULL
    ) STRICT`);
  }
}

export function schemaVersion(database: DatabaseSync): number {
  return readPragma(database, "user_version");
}

export function readPragma(
  database: DatabaseSync,
  name: "user_version" | "application_id",
): number {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return Number(row?.[name] ?? 0);
}

/**
 * Brings the file to the newest schema, one transaction a step. Throws `unsupported` STATE_TOO_NEW
 * for a file that a later Duet wrote, which stays untouched.
 */
export function migrate(database: DatabaseSync, steps: readonly Migration[] = migrations): void {
  const found = schemaVersion(database);
  refuseNewer(found, steps.length);
  for (let version = found; version < steps.length; version += 1) {
    database.exec("BEGIN IMMEDIATE");
    try {
      steps[version]!(database);
      database.exec(`PRAGMA application_id = ${applicationId}`);
      database.exec(`PRAGMA user_version = ${version + 1}`);
      database.exec("COMMIT");
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  }
}

export function refuseNewer(found: number, newest: number = migrations.length): void {
  if (found <= newest) return;
  throw new DuetError(
    "unsupported",
    "STATE_TOO_NEW",
    `the state has schema version ${found}, this Duet knows up to ${newest}`,
    { hint: "start the newer Duet that wrote it, or restore the copy made before the upgrade" },
  );
}
