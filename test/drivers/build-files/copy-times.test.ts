import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createBuildFiles } from "../../../src/drivers/build-files/build-files.ts";
import { never } from "../../../src/kit/abort.ts";
import { rootfsBinary } from "../../native/rootfs/binary.ts";
import { into, take, treeOf } from "./trees.ts";

const files = createBuildFiles({ binary: rootfsBinary });

test("a folder that is made for another's content is root's, and has that one's time", async (t) => {
  const source = treeOf(
    t,
    "mkdir d; chmod 2750 d; chown 3:4 d; echo x > d/x; touch -d @1000000000 d d/x",
  );
  const root = treeOf(t, "true");
  await files.copy([take(source, "d")], into(root.folder, "/new/place"), never);
  const made = statSync(join(root.folder, "new/place"));
  assert.deepEqual([made.mode & 0o7777, made.uid, made.gid, made.mtimeMs], [0o755, 0, 0, 1e12]);
  assert.equal(statSync(join(root.folder, "new/place/x")).mtimeMs, 1e12);
});

test("a folder that is there keeps owner and mode, and has the time of the last whose content came into it", async (t) => {
  const source = treeOf(
    t,
    "mkdir d e; echo x > d/x; echo y > e/y; touch -d @1000000000 d; touch -d @1100000000 e; echo f > f",
  );
  const root = treeOf(t, "mkdir -m 2750 kept; chown 3:4 kept");
  const kept = (): readonly number[] => {
    const { mode, uid, gid, mtimeMs } = statSync(join(root.folder, "kept"));
    return [mode & 0o7777, uid, gid, mtimeMs];
  };
  const wanted = { owner: { uid: 10, gid: 20 } };
  await files.copy(
    [take(source, "e"), take(source, "d")],
    into(root.folder, "/kept", wanted),
    never,
  );
  assert.deepEqual(kept(), [0o2750, 3, 4, 1e12]);
  await files.copy([take(source, "[ef]")], into(root.folder, "/kept/", wanted), never);
  const [mode, uid, gid, time] = kept();
  assert.deepEqual([mode, uid, gid], [0o2750, 3, 4]);
  assert.ok(time! > 1.1e12, "a file has come into it after the folder's content");
});

test("times later than the given one become it", async (t) => {
  const source = treeOf(
    t,
    "mkdir d; echo x > d/new; echo y > d/old; touch -d @1000 d/old; touch -d @2000000000 d d/new",
  );
  const root = treeOf(t, "true");
  await files.copy([take(source, "d")], into(root.folder, "/a/b", { latestTime: 5_000 }), never);
  const seconds = ["a", "a/b", "a/b/new", "a/b/old"].map(
    (path) => statSync(join(root.folder, path)).mtimeMs / 1_000,
  );
  assert.deepEqual(seconds.slice(1), [5_000, 5_000, 1_000]);
  assert.equal(seconds[0], 5_000);
});
