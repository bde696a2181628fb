import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { rowChecksum } from "../../../src/drivers/store/record-table.ts";
import {
  applicationId,
  migrate,
  migrations,
  schemaVersion,
} from "../../../src/drivers/store/schema.ts";
import { openStateStore } from "../../../src/drivers/store/store.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { containerRecord, temporaryState, volumeRecord } from "./records.ts";

/** How a container was written at schema version n; a new migration adds a way here. */
const writers: Readonly<Record<number, (database: DatabaseSync) => void>> = {
  0: () => undefined,
  1: insertContainer,
  2: insertContainer,
  3: insertContainer,
};

function insertContainer(database: DatabaseSync): void {
  const record = containerRecord("web", "a".repeat(64));
  const text = JSON.stringify(record);
  database
    .prepare("INSERT INTO containers (key, name, checksum, record) VALUES (?, ?, ?, ?)")
    .run(record.id, record.name, rowChecksum(record.id, record.name, text), text);
}

for (let version = 0; version <= migrations.length; version += 1) {
  test(`a state of schema version ${version} opens with everything in it`, (context) => {
    const path = temporaryState(context);
    const database = new DatabaseSync(path);
    migrate(database, migrations.slice(0, version));
    database.exec(`PRAGMA application_id = ${applicationId}`);
    writers[version]!(database);
    database.close();
    const store = openStateStore(path, silentLog);
    if (version > 0)
      assert.deepEqual(store.containers.list(), [containerRecord("web", "a".repeat(64))]);
    store.volumes.put(volumeRecord("data"));
    store.close();
    assert.equal(existsSync(`${path}.version-${version}`), version < migrations.length);
  });
}

test("a migration that fails leaves the version before it", () => {
  const database = new DatabaseSync(":memory:");
  const broken = [
    ...migrations,
    (target: DatabaseSync) => {
      target.exec("CREATE TABLE half (x)");
      throw new Error("broken step");
    },
  ];
  assert.throws(() => migrate(database, broken), /broken step/);
  assert.equal(schemaVersion(database), migrations.length);
  assert.throws(() => database.prepare("SELECT * FROM half"));
  database.close();
});
