import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import {
  type Job,
  JobTable,
  type ReadableFiles,
} from "../../../src/servers/buildkit/control/job.ts";
import type { BuildEvent } from "../../../src/domain/build/event.ts";
import { SavedBuilds } from "../../../src/servers/buildkit/control/saved-builds.ts";
import type { BuildResult } from "../../../src/engine/build/build.ts";
import { solveRequest } from "./solve-request.ts";

const request = solveRequest("");

async function historyFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "duet-history-"));
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

function tableOver(folder: string): JobTable {
  return new JobTable(new SavedBuilds(folder, silentLog));
}

/** Builds that begin and end at once, by name. */
async function pass(
  { mock }: TestContext,
  table: JobTable,
  names: readonly string[],
): Promise<void> {
  for (const reference of names) {
    mock.timers.tick(1);
    await table.end(table.begin({ ...request, reference }, never), null);
  }
  await table.kept();
}

const named = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

test("what a build is given after its end, it lets go of at once", async () => {
  const table = new JobTable(null);
  const job = table.begin({ ...request, reference: "ended" }, never);
  const released: string[] = [];
  const one = (name: string): AsyncDisposable => ({
    [Symbol.asyncDispose]: async () => void released.push(name),
  });
  await job.keepResult("in time", one("in time") as BuildResult);
  assert.deepEqual(released, []);
  await table.end(job, null);
  assert.deepEqual(released, ["in time"]);
  await job.keepResult("late", one("late") as BuildResult);
  await job.keepFiles("late files", one("late files") as ReadableFiles);
  assert.deepEqual(released, ["in time", "late", "late files"]);
});

test("builds of earlier daemons count among the fifty that are kept, without anybody asking for them", async (context) => {
  const folder = await historyFolder(context);
  context.mock.timers.enable({ apis: ["Date"] });
  const first = tableOver(folder);
  await pass(context, first, named("first", 40));
  const [pinned] = await first.history();
  await first.pin(pinned!, true);
  await pass(context, tableOver(folder), named("second", 20));
  assert.equal((await readdir(folder)).length, 51);
  const names = (await tableOver(folder).history()).map((job) => job.request.reference);
  assert.deepEqual(names, ["first-0", ...named("first", 40).slice(10), ...named("second", 20)]);
});

test("a record that cannot be removed ends no daemon", async (context) => {
  const folder = await historyFolder(context);
  context.mock.timers.enable({ apis: ["Date"] });
  for (const name of named("build", 3))
    mkdirSync(join(folder, `${name}.build`, "in the way"), { recursive: true });
  const table = tableOver(folder);
  await pass(context, table, named("build", 60));
  assert.equal((await table.history()).length, 50);
  await assert.rejects(table.forget("build-0"));
});

test("who watches a build sees its output to the end, though it is forgotten meanwhile", async () => {
  const { progress } = new JobTable(null).begin({ ...request, reference: "watched" }, never);
  const vertex = `sha256:${"1".repeat(64)}` as const;
  const log = { kind: "log", vertex, stream: "stdout", data: Buffer.from("x") } as const;
  for (let at = 0; at < 1_000; at += 1) progress.tell({ ...log, at });
  progress.end();
  const seen: number[] = [];
  for await (const events of progress.follow(never)) {
    progress.trim();
    for (const event of events) if (event.kind === "log") seen.push(event.at);
  }
  assert.deepEqual(seen.length, 1_000);
});

test("that a step has failed is told however many lines it has written", () => {
  const { progress } = new JobTable(null).begin({ ...request, reference: "chatty" }, never);
  const vertex = `sha256:${"1".repeat(64)}` as const;
  const data = Buffer.from("x");
  for (let at = 0; at < 250_000; at += 1) {
    progress.tell({ kind: "log", vertex, stream: "stdout", at, data });
  }
  const times = { startedAt: 1, completedAt: 2 };
  progress.tell({
    ...{ kind: "vertex", vertex, name: "RUN", inputs: [], cached: false, error: "it failed" },
    ...times,
  });
  assert.equal(progress.failed, vertex);
  assert.equal(progress.toSave().at(-1)?.kind, "vertex");
});

/** Has a job's steps write 1 MiB each; gives what the job keeps. */
async function written(job: Job): Promise<readonly BuildEvent[]> {
  for (let step = 0; step < 31; step += 1) {
    const vertex = `sha256:${String(step).padStart(64, "0")}` as const;
    for (const at of [0, 1, 2, 3]) {
      const data = Buffer.alloc(256 << 10, "a");
      job.progress.tell({ kind: "log", vertex, stream: "stdout", at, data });
    }
  }
  job.progress.end();
  const kept: BuildEvent[] = [];
  for await (const events of job.progress.follow(never)) kept.push(...events);
  return kept;
}

const isOutput = (event: BuildEvent): boolean => event.kind === "log" && event.data.length > 100;

test("the output of many builds at once is kept within one limit, and who misses some is told", async () => {
  const table = new JobTable(null);
  const begin = (name: string): Job => table.begin({ ...request, reference: name }, never);
  const jobs = named("many", 20).map(begin);
  const kept = (await Promise.all(jobs.map(written))).flat();
  assert.equal(kept.filter(isOutput).length, 1_023);
  const notices = kept.filter((event) => event.kind === "log" && !isOutput(event));
  assert.equal(notices.length, 20 * 31 - Math.floor(1_023 / 4));
  const [notice] = notices;
  assert.ok(notice?.kind === "log");
  assert.equal(
    Buffer.from(notice.data).toString(),
    "[output clipped, log limit of all steps reached]\n",
  );
  for (const job of jobs) await table.end(job, null);
  for (const job of jobs) {
    await table.forget(job.request.reference);
    job.progress.trim();
  }
  const again = (await Promise.all(named("again", 9).map((name) => written(begin(name))))).flat();
  assert.equal(again.filter(isOutput).length, 1_023);
});

test("output that somebody still watches counts until they have seen it or are gone", async () => {
  const table = new JobTable(null);
  const begin = (name: string): Job => table.begin({ ...request, reference: name }, never);
  const jobs = named("many", 9).map(begin);
  const watching = jobs.map(({ progress }) => progress.follow(never));
  await Promise.all([...jobs.map(written), ...watching.map((one) => one.next())]);
  for (const job of jobs) {
    await table.end(job, null);
    await table.forget(job.request.reference);
  }
  assert.equal((await written(begin("before"))).filter(isOutput).length, 0);
  await Promise.all(watching.map((one) => one.return(undefined)));
  assert.equal((await written(begin("after"))).filter(isOutput).length, 124);
});
