import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { lockFile } from "../../src/kit/file-lock.ts";

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "duet-lock-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a second holder is refused, by name, until the first lets go", (context) => {
  const path = join(temporaryFolder(context), "lock");
  const first = lockFile(path, "the data root");
  assert.throws(() => lockFile(path, "the data root"), {
    code: "LOCKED",
    message: `the data root is in use by process ${process.pid}: ${path}`,
  });
  first.release();
  first.release();
  lockFile(path, "the data root").release();
});

test("the lock of a process that was killed is free at once", async (context) => {
  const path = join(temporaryFolder(context), "lock");
  const module = new URL("../../src/kit/file-lock.ts", import.meta.url).href;
  const script = `import { lockFile } from ${JSON.stringify(module)};
    lockFile(${JSON.stringify(path)}, "x"); console.log("held"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  context.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  assert.throws(() => lockFile(path, "the data root"), { code: "LOCKED" });
  child.kill("SIGKILL");
  await once(child, "exit");
  lockFile(path, "the data root").release();
});

test("a link in the lock's place is not followed", (context) => {
  const folder = temporaryFolder(context);
  symlinkSync(join(folder, "elsewhere"), join(folder, "lock"));
  assert.throws(() => lockFile(join(folder, "lock"), "the data root"), { code: "ELOOP" });
});
