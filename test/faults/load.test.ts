import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Api } from "../../bench/load/api.ts";
import type { LoadCase, LoadScale } from "../../bench/load/case.ts";
import { execsCase } from "../../bench/load/cases/execs.ts";
import { floodCase } from "../../bench/load/cases/flood.ts";
import { readersCase } from "../../bench/load/cases/readers.ts";
import { slowReadersCase } from "../../bench/load/cases/slow-readers.ts";
import { startsCase } from "../../bench/load/cases/starts.ts";
import { shimOf } from "../../bench/engines/daemon.ts";
import { Observer } from "../../bench/load/observer.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

/* Group J of the attack list in short; `npm run load` has it in full, with times. */

const scale: LoadScale = {
  containers: 20,
  atOnce: 10,
  execsPerMinute: 600,
  minutes: 0.05,
  followers: 30,
  subscribers: 15,
  floodSeconds: 3,
  pausedSeconds: 2,
  longestWait: Number.POSITIVE_INFINITY,
};
const promises: readonly (readonly [sentence: string, work: LoadCase])[] = [
  ["containers started at once all run, and leave nothing (J114)", startsCase],
  ["execs at a steady rate end well and leave no descriptor (J115)", execsCase],
  ["followers of logs, statistics and events all get some, and leave none (J118)", readersCase],
  [
    "clients that stop reading are held back or dropped, within bounded memory (J117)",
    slowReadersCase,
  ],
  ["a container that prints without end fills no disk, and its log can be read (J116)", floodCase],
];

test("an engine under load holds what it promises", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const signal = AbortSignal.timeout(1_200_000);
  using api = new Api(daemon.socket, signal);
  const pid = Number(await readFile(join(daemon.folder, "run/duetd.pid"), "utf8"));
  const observer = new Observer({ pid, mark: daemon.folder, api });
  await api.remove([await api.run(["true"])], 1);
  const before = await observer.look();
  for (const [sentence, work] of promises) {
    await context.test(sentence, async () => {
      const dataRoot = join(daemon.folder, "data");
      const { broken, notes } = await work.run({ api, observer, scale, dataRoot, signal });
      assert.deepEqual(broken, [], notes.join("\n"));
      await daemon.assertNothingOf(sentence);
    });
  }
  await context.test("the daemon goes before workloads, which do not inherit that", async () => {
    const id = await api.run(["sleep", "600"]);
    const { State } = (await api.ok("GET", `/containers/${id}/json`)) as {
      readonly State: { readonly Pid: number };
    };
    const shim = await shimOf(State.Pid);
    const values = await Promise.all([pid, shim, State.Pid].map(niceValue));
    /* A nice value that somebody gave the daemon stays as it is. */
    const given = getPriority();
    assert.deepEqual(values, given === 0 ? [-5, 0, 0] : [given, given, given]);
    await api.remove([id], 1);
  });
  await context.test("the daemon gives memory back when it has become quiet", async () => {
    await daemon.logged("memory-returned");
    const lines = (await daemon.log())
      .split("\n")
      .filter((text) => text.includes("memory-returned"));
    /* A slow host lets it do so more than once, and soon after the first time there is little to give. */
    const told = lines.map((line) => JSON.parse(line) as { before: number; after: number });
    assert.ok(
      told.some(({ before: held, after: holds }) => holds < held),
      lines.join("\n"),
    );
  });
  /* Connections that were closed are noticed a moment later. */
  const late = AbortSignal.timeout(60_000);
  let after = await observer.look();
  while (after.descriptors - before.descriptors > 16 && !late.aborted)
    after = await observer.look();
  assert.ok(
    after.descriptors - before.descriptors <= 16,
    `${before.descriptors} descriptors before, ${after.descriptors} after`,
  );
});

/** Of a process's main thread; the 19th field of /proc/PID/stat. */
async function niceValue(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[16]);
}
