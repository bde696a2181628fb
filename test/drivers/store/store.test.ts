import assert from "node:assert/strict";
import { copyFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { openStateStore } from "../../../src/drivers/store/store.ts";
import { DuetError } from "../../../src/kit/errors.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { containerRecord, networkRecord, temporaryState, volumeRecord } from "./records.ts";

test("records outlive the store and come back equal and in order", (context) => {
  const path = temporaryState(context);
  const records = ["web", "db", "cache"].map((name) => containerRecord(name));
  const store = openStateStore(path, silentLog);
  for (const record of records) store.containers.put(record);
  store.volumes.put(volumeRecord("data"));
  store.close();
  const again = openStateStore(path, silentLog);
  assert.deepEqual(again.containers.list(), records);
  assert.deepEqual(again.containers.byName("db"), records[1]);
  assert.deepEqual(again.volumes.get("data"), volumeRecord("data"));
  again.close();
});

test("put replaces, delete forgets, and both free the name", (context) => {
  const store = openStateStore(temporaryState(context), silentLog);
  const web = containerRecord("web");
  store.containers.put(web);
  store.containers.put({ ...web, name: "www" });
  assert.equal(store.containers.byName("web"), undefined);
  assert.equal(store.containers.byName("www")?.id, web.id);
  const other = containerRecord("web");
  store.containers.put(other);
  store.containers.delete(web.id);
  store.containers.delete(web.id);
  assert.deepEqual(store.containers.list(), [other]);
  store.close();
});

test("a name belongs to one record, and the error names its owner as Docker does", (context) => {
  const store = openStateStore(temporaryState(context), silentLog);
  const web = containerRecord("web");
  store.containers.put(web);
  assert.throws(
    () => store.containers.put(containerRecord("web")),
    (error) =>
      error instanceof DuetError &&
      error.class === "conflict" &&
      error.code === "NAME_IN_USE" &&
      error.message.startsWith(
        `Conflict. The container name "/web" is already in use by container "${web.id}"`,
      ),
  );
  store.networks.put(networkRecord("lan"));
  assert.throws(() => store.networks.put(networkRecord("lan")), { code: "NAME_IN_USE" });
  assert.equal(store.containers.list().length, 1);
  store.close();
});

test("an id prefix gives at most two records, a whole id exactly one", (context) => {
  const store = openStateStore(temporaryState(context), silentLog);
  const ids = ["a", "b", "c"].map((letter) => `ab${letter}`.padEnd(64, "0"));
  ids.forEach((id, index) => store.containers.put(containerRecord(`name${index}`, id)));
  assert.equal(store.containers.byIdPrefix("ab").length, 2);
  assert.equal(store.containers.byIdPrefix("abc").length, 1);
  assert.equal(store.containers.byIdPrefix(ids[0]!).length, 1);
  assert.equal(store.containers.byIdPrefix("f").length, 0);
  store.close();
});

test("a transaction that throws changes neither memory nor disk", (context) => {
  const path = temporaryState(context);
  const store = openStateStore(path, silentLog);
  const web = containerRecord("web");
  store.containers.put(web);
  assert.throws(
    () =>
      store.transaction(() => {
        store.containers.put({ ...web, name: "renamed" });
        store.containers.put(containerRecord("web"));
        store.volumes.put(volumeRecord("data"));
        store.containers.delete(web.id);
        throw new Error("changed my mind");
      }),
    /changed my mind/,
  );
  assert.deepEqual(store.containers.list(), [web]);
  assert.deepEqual(store.containers.byName("web"), web);
  assert.equal(store.containers.byName("renamed"), undefined);
  store.close();
  const again = openStateStore(path, silentLog);
  assert.deepEqual(again.containers.list(), [web]);
  assert.deepEqual(again.volumes.list(), []);
  again.close();
});

test("a transaction within a transaction rolls back alone", (context) => {
  const path = temporaryState(context);
  const store = openStateStore(path, silentLog);
  store.transaction(() => {
    store.volumes.put(volumeRecord("kept"));
    assert.throws(() =>
      store.transaction(() => {
        store.volumes.put(volumeRecord("dropped"));
        throw new Error("inner");
      }),
    );
    store.volumes.put(volumeRecord("kept-too"));
  });
  store.close();
  const again = openStateStore(path, silentLog);
  assert.deepEqual(
    again.volumes.list().map((volume) => volume.name),
    ["kept", "kept-too"],
  );
  again.close();
});

test("what need not be flushed at once is written at once, and a later change does not lose it", (context) => {
  const path = temporaryState(context);
  const store = openStateStore(path, silentLog);
  const [web, db, cache] = ["web", "db", "cache"].map((name) => containerRecord(name));
  store.containers.put(web!);
  store.transaction(() => store.containers.put({ ...web!, name: "www" }), "soon");
  assert.throws(() =>
    store.transaction(() => {
      store.containers.put(db!);
      throw new Error("no");
    }, "soon"),
  );
  // As the daemon's sudden end leaves it.
  const copied = temporaryState(context);
  for (const suffix of ["", "-wal"]) copyFileSync(`${path}${suffix}`, `${copied}${suffix}`);
  const after = openStateStore(copied, silentLog);
  assert.deepEqual(after.containers.list(), [{ ...web, name: "www" }]);
  after.close();
  store.containers.put(cache!);
  store.close();
  const again = openStateStore(path, silentLog);
  assert.deepEqual(again.containers.list(), [{ ...web, name: "www" }, cache]);
  again.close();
});

test("asynchronous work is refused and rolled back", (context) => {
  const store = openStateStore(temporaryState(context), silentLog);
  assert.throws(
    () =>
      store.transaction(async () => {
        store.volumes.put(volumeRecord("data"));
      }),
    { code: "TRANSACTION_ASYNC" },
  );
  assert.deepEqual(store.volumes.list(), []);
  store.close();
});

test("a closed store refuses changes with a typed error", (context) => {
  const store = openStateStore(temporaryState(context), silentLog);
  store.close();
  store.close();
  assert.throws(() => store.volumes.put(volumeRecord("late")), { code: "STATE_CLOSED" });
});

test("the state files are for root alone", (context) => {
  const path = temporaryState(context);
  const store = openStateStore(path, silentLog);
  store.volumes.put(volumeRecord("data"));
  for (const suffix of ["", "-wal", ".backup"])
    assert.equal(statSync(path + suffix).mode & 0o777, 0o600);
  store.close();
});

test("the list of a thousand containers comes from memory", (context) => {
  const path = temporaryState(context);
  const store = openStateStore(path, silentLog);
  store.transaction(() => {
    for (let index = 0; index < 1_000; index += 1)
      store.containers.put(containerRecord(`c${index}`));
  });
  assert.equal(store.containers.list(), store.containers.list());
  assert.equal(store.containers.list().length, 1_000);
  store.close();
  const again = openStateStore(path, silentLog);
  assert.equal(again.containers.list().length, 1_000);
  again.close();
});
