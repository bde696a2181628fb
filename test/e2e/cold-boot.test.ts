import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";

test("a VM that is booted instead of cloned does all the same", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const host = (await readFile("/proc/sys/kernel/osrelease", "utf8")).trim();
  await daemon.docker(
    ...["run", "-d", "--isolation=vm", "--name", "cold", "--memory=256m"],
    ...["-v", "kept:/kept", "busybox"],
    ...["sh", "-c", "uname -r; echo written >/kept/file; while [ ! -e /stop ]; do sleep 0.1; done"],
  );
  const exec = async (...words: string[]): Promise<string> =>
    (await daemon.docker("exec", "cold", ...words)).trim();
  const whenWritten = "until [ -s /kept/file ]; do sleep 0.1; done; cat /kept/file";
  assert.equal(await exec("sh", "-c", whenWritten), "written");
  assert.notEqual((await daemon.docker("logs", "cold")).trim(), host);
  const gateway = await exec("sh", "-c", "ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'");
  assert.match(await exec("ping", "-c", "1", "-w", "120", gateway), / 0% packet loss/);
  const pid = (await daemon.docker("inspect", "-f", "{{.State.Pid}}", "cold")).trim();
  const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  assert.ok(words.includes("-kernel") && !words.includes("-incoming"));
  await exec("touch", "/stop");
  assert.equal(await daemon.docker("wait", "cold"), "0\n");
  await daemon.docker("rm", "-v", "cold");
  await daemon.docker("volume", "rm", "-f", "kept");
});
