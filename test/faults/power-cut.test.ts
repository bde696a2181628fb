import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { never } from "../../src/kit/abort.ts";
import { run } from "../../src/kit/subprocess.ts";
import { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

const program = join(import.meta.dirname, "../../bin/duet");

test("an image whose unpacked layers a power cut took is unpacked again from its blobs (I109)", async (context) => {
  const daemon = await TestDaemon.start(context);
  await loadImages(daemon, "busybox", "hello-world");
  await daemon.docker("create", "--name", "before", "busybox", "echo", "still here");
  const duet = ["--host", `unix://${daemon.socket}`, "create", "--name", "mounting"];
  const mount = ["--mount", "type=image,source=hello-world,target=/other"];
  await run(program, [...duet, ...mount, "busybox", "ls", "/other"], { signal: never });
  await daemon.end("SIGKILL");
  const snapshots = join(daemon.folder, "data/snapshots");
  for (const folder of ["l", "committed"]) {
    for (const name of await readdir(join(snapshots, folder))) {
      await rm(join(snapshots, folder, name), { recursive: true });
    }
  }
  await daemon.launch();
  assert.equal(await daemon.docker("run", "--rm", "busybox", "echo", "again"), "again\n");
  assert.equal(await daemon.docker("start", "-a", "before"), "still here\n");
  assert.equal(await daemon.docker("start", "-a", "mounting"), "hello\n");
});
