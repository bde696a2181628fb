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
