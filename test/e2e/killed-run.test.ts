import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { processesLeft } from "./processes.ts";

test("a run of tests that is killed leaves no daemon, machine, container, mount or file", async (context) => {
  const program = join(import.meta.dirname, "killed-run.ts");
  const tests = spawn(process.execPath, [program], { stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => void tests.kill("SIGKILL"));
  const [line] = (await once(createInterface(tests.stdout), "line")) as [string];
  const [folder = "", ...pids] = line.split(" ");
  assert.ok(pids.length === 2 && pids.every((pid) => existsSync(`/proc/${pid}`)), line);
  const watcher = watch(dirname(folder));
  context.after(() => watcher.close());
  const signal = AbortSignal.timeout(120_000);
  tests.kill("SIGKILL");
  while (existsSync(folder)) await once(watcher, "change", { signal });
  assert.deepEqual(await processesLeft(folder, 60_000), []);
  assert.ok(!(await readFile("/proc/self/mounts", "utf8")).includes(folder));
  assert.deepEqual(
    pids.filter((pid) => existsSync(`/proc/${pid}`)),
    [],
  );
});
