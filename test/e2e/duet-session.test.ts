import assert from "node:assert/strict";
import { test } from "node:test";
import { join } from "node:path";
import { release } from "node:os";
import type { RunResult } from "../../src/kit/subprocess.ts";
import { printed } from "../attacks/hostile-image.ts";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { ownerOfTests } from "./owner.ts";

const program = join(import.meta.dirname, "../../bin/duet");
const owner = ownerOfTests();
let started: Promise<TestDaemon> | undefined;

/** One daemon for the session, as a course has. */
async function engine(): Promise<TestDaemon> {
  started ??= TestDaemon.start(owner);
  return await started;
}

async function tryDuet(...words: string[]): Promise<RunResult> {
  const daemon = await engine();
  return await daemon.tryOnHost([program, "--host", `unix://${daemon.socket}`, ...words]);
}

async function duet(...words: string[]): Promise<string> {
  const result = await tryDuet(...words);
  assert.equal(result.code, 0, `duet ${words.join(" ")}: ${result.stderr}`);
  return result.stdout.toString();
}

for (const isolation of ["container", "vm"] as const) {
  const option = ["--isolation", isolation];

  test(`the course's session through duet, as ${isolation}`, async () => {
    await loadImages(await engine(), "hello-world", "nginx");
    assert.match(await duet("run", "--rm", ...option, "hello-world"), /Hello from Duet!/);
    await duet("run", "-d", ...option, "-p", "8080:80", "--name", "web", "nginx:latest");
    const daemon = await engine();
    assert.match(await daemon.page("http://127.0.0.1:8080/"), /Welcome to nginx!/);
    assert.match(await duet("ps"), new RegExp(`nginx:latest.*8080->80/tcp.*${isolation}.*web`));
    await printed(daemon, "web", '"GET / HTTP/1.1" 200');
    assert.match(await duet("logs", "web"), /"GET \/ HTTP\/1\.1" 200/);
    const kernel = (await duet("exec", "web", "uname", "-r")).trim();
    assert.equal(kernel === release(), isolation === "container");
    await duet("stop", "web");
    await duet("rm", "web");
    assert.equal(await duet("ps", "-aq"), "");
  });
}

test("duet passes on a workload's exit code and says what to do about an image that is not there", async () => {
  await loadImages(await engine(), "busybox");
  assert.equal((await tryDuet("run", "--rm", "busybox", "sh", "-c", "exit 42")).code, 42);
  const missing = await tryDuet("run", "--rm", "--pull", "never", "no-such-image");
  assert.equal(missing.code, 125);
  assert.match(missing.stderr, /no-such-image/);
});

test("duet compares an image both ways and gives the figures as JSON", async () => {
  await loadImages(await engine(), "busybox");
  const text = await duet("compare", "--runs", "1", "--format", "json", "busybox", "--", "true");
  const report = JSON.parse(text) as Record<string, unknown>;
  assert.ok(Object.keys(report).length > 0);
  assert.match(text, /6\.\d+/);
});
