import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openStateStore } from "../../../src/drivers/store/store.ts";
import { createLog, silentLog, type LogEvent } from "../../../src/kit/log.ts";
import { containerRecord, temporaryState, volumeRecord } from "./records.ts";

/* Case I108 of the attack list. */

const count = 60;

/** A state with containers and volumes, closed properly. */
function filledState(path: string): void {
  const store = openStateStore(path, silentLog);
  store.transaction(() => {
    for (let index = 0; index < count; index += 1)
      store.containers.put(containerRecord(`c${index}`));
    store.volumes.put(volumeRecord("data"));
  });
  store.close();
}

function asideOf(path: string): string[] {
  return readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.damaged-`));
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = bytes[at]! ^ 0x10;
  writeFileSync(path, bytes);
}

test("I108: a truncated state is refused and left as it is, unless salvage is asked for", (context) => {
  const path = temporaryState(context);
  for (const kept of [0, 0.00001, 0.001, 0.1, 0.5, 0.99]) {
    filledState(path);
    const size = Math.floor(statSync(path).size * kept);
    truncateSync(path, size);
    const before = readFileSync(path);
    assert.throws(
      () => openStateStore(path, silentLog),
      { class: "corrupt", code: "STATE_CORRUPT" },
      `${size}`,
    );
    assert.ok(readFileSync(path).equals(before), "refusing changed the file");
    rmSync(path);
    rmSync(`${path}.backup`, { force: true });
  }
});

test("I108: a flipped bit anywhere is noticed, or changes nothing that is read", (context) => {
  const path = temporaryState(context);
  filledState(path);
  const store = openStateStore(path, silentLog);
  const expected = store.containers.list();
  store.close();
  const size = statSync(path).size;
  const copy = `${path}.copy`;
  for (let step = 0; step < 120; step += 1) {
    copyFileSync(path, copy);
    flip(copy, Math.floor((size * step) / 120) + (step % 97));
    try {
      const opened = openStateStore(copy, silentLog);
      assert.deepEqual(opened.containers.list(), expected);
      opened.close();
    } catch (error) {
      assert.ok(error instanceof Error && "code" in error);
      assert.ok(error.code === "STATE_CORRUPT" || error.code === "STATE_TOO_NEW", String(error));
    }
    for (const suffix of ["", "-wal", "-shm", ".backup"])
      rmSync(`${copy}${suffix}`, { force: true });
  }
});

test("I108: salvage keeps the damaged file, every record that reads, and the rest from the backup", (context) => {
  const path = temporaryState(context);
  filledState(path);
  rmSync(`${path}.backup`);
  openStateStore(path, silentLog).close();
  const late = openStateStore(path, silentLog);
  const newest = containerRecord("after-the-backup");
  late.containers.put(newest);
  late.close();
  // SQLite leaves stale copies behind where pages were split: all of them are hit.
  const bytes = readFileSync(path);
  for (let at = bytes.indexOf('"name":"c7"'); at >= 0; at = bytes.indexOf('"name":"c7"', at + 1))
    bytes[at + 8] = 0x78;
  writeFileSync(path, bytes);
  const events: LogEvent[] = [];
  const store = openStateStore(
    path,
    createLog("store", (event) => events.push(event)),
    "salvage",
  );
  assert.equal(store.containers.list().length, count + 1);
  assert.deepEqual(store.containers.get(newest.id), newest);
  assert.equal(store.containers.byName("c7")?.name, "c7");
  assert.deepEqual(store.volumes.list(), [volumeRecord("data")]);
  assert.equal(store.salvaged, true);
  store.close();
  assert.equal(asideOf(path).length, 1);
  assert.deepEqual(
    events.map(({ level, event }) => [level, event]),
    [["error", "state-salvaged"]],
  );
  const again = openStateStore(path, silentLog);
  assert.equal(again.salvaged, true, "until the damaged file is gone");
  again.close();
  rmSync(join(dirname(path), asideOf(path)[0]!));
  const later = openStateStore(path, silentLog);
  assert.equal(later.salvaged, false);
  later.close();
});

test("I108: salvage of a file cut short brings back the backup, never an empty state", (context) => {
  const path = temporaryState(context);
  filledState(path);
  rmSync(`${path}.backup`);
  openStateStore(path, silentLog).close();
  for (const size of [0, 5_000]) {
    truncateSync(path, size);
    const store = openStateStore(path, silentLog, "salvage");
    assert.equal(store.containers.list().length, count);
    store.close();
  }
  rmSync(path);
  assert.throws(() => openStateStore(path, silentLog), {
    code: "STATE_CORRUPT",
    message: /missing/,
  });
});

test("I108: another program's file is refused, not overwritten", (context) => {
  const path = temporaryState(context);
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE precious (x); INSERT INTO precious VALUES (1)");
  other.close();
  assert.throws(() => openStateStore(path, silentLog), { code: "STATE_CORRUPT" });
  writeFileSync(path, "my diary\n".repeat(1_000));
  assert.throws(() => openStateStore(path, silentLog), { code: "STATE_CORRUPT" });
  assert.equal(readFileSync(path, "utf8").slice(0, 8), "my diary");
});

test("I113: the state of a newer Duet is refused cleanly, with salvage too", (context) => {
  const path = temporaryState(context);
  filledState(path);
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  for (const policy of ["refuse", "salvage"] as const) {
    assert.throws(() => openStateStore(path, silentLog, policy), {
      class: "unsupported",
      code: "STATE_TOO_NEW",
    });
  }
  assert.deepEqual(asideOf(path), []);
});

test("I105: what was committed survives SIGKILL at any moment, and transactions are whole", async (context) => {
  const path = temporaryState(context);
  const writer = join(import.meta.dirname, "writer.ts");
  for (let round = 0; round < 5; round += 1) {
    const child = spawn(process.execPath, [writer, path], { stdio: ["ignore", "pipe", "inherit"] });
    context.after(() => child.kill("SIGKILL"));
    const exited = once(child, "exit");
    let confirmed = -1;
    for await (const line of createInterface({ input: child.stdout })) {
      confirmed = Number(line);
      if (confirmed % 100 === 20 + round * 7) child.kill("SIGKILL");
    }
    await exited;
    const store = openStateStore(path, silentLog);
    const volumes = new Set(store.volumes.list().map((volume) => volume.name));
    for (const name of volumes)
      assert.ok(
        volumes.has(name.replace(/^(one|two)/, (half) => (half === "one" ? "two" : "one"))),
      );
    assert.ok(volumes.has(`one-${confirmed}`), `lost ${confirmed}`);
    store.close();
    assert.equal(existsSync(`${path}-wal`), false);
  }
});
