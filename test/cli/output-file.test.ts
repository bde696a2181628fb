import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { writeFileWith } from "../../src/cli/output-file.ts";
import { temporaryFolder } from "../native/rootfs/binary.ts";

test("a file is replaced as a whole, and stays where writing fails", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "file");
  writeFileSync(path, "before");
  const cut = new Error("cut");
  await assert.rejects(
    writeFileWith(path, async (file) => {
      await file.writeFile("half");
      throw cut;
    }),
    cut,
  );
  assert.equal(readFileSync(path, "utf8"), "before");
  await writeFileWith(path, (file) => file.writeFile("after"));
  assert.equal(readFileSync(path, "utf8"), "after");
  assert.deepEqual(readdirSync(folder), ["file"]);
});

test("no file takes the place of a pipe or a device, whatever leads there", async (t) => {
  const folder = temporaryFolder(t);
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  symlinkSync("pipe", join(folder, "link"));
  const reader = await open(pipe, "r+");
  for (const name of ["pipe", "link"]) {
    await writeFileWith(join(folder, name), (file) => file.writeFile("text"));
    const { buffer, bytesRead } = await reader.read(Buffer.alloc(16));
    assert.equal(buffer.subarray(0, bytesRead).toString(), "text");
  }
  await reader.close();
  assert.ok(statSync(pipe).isFIFO());
  assert.deepEqual(readdirSync(folder).toSorted(), ["link", "pipe"]);
});
