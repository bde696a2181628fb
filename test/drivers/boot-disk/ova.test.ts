import assert from "node:assert/strict";
import { mkdtemp, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Identifiers } from "../../../src/drivers/boot-disk/layout.ts";
import { writeOva } from "../../../src/drivers/boot-disk/ova.ts";
import { vmdkIdentity } from "../../../src/drivers/boot-disk/vmdk-descriptor.ts";

test("an appliance that is given up between its disk and its whole holds no file open", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-ova-"));
  context.after(() => rm(folder, { recursive: true }));
  const disk = { path: join(folder, "disk.raw"), size: 1 << 20 };
  await writeFile(disk.path, Buffer.alloc(disk.size, 1));
  const controller = new AbortController();
  const facts = {
    name: "box",
    identity: vmdkIdentity(new Identifiers("x")),
    /** Asked for when the disk has been written. */
    get epoch(): number {
      controller.abort(new Error("given up"));
      return 0;
    },
  };
  await assert.rejects(writeOva(join(folder, "box.ova"), disk, facts, controller.signal));
  const open = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  assert.deepEqual(
    open.filter((file) => file.startsWith(folder)),
    [],
  );
});
