import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { endingSignal } from "../../../bench/ending.ts";
import { createForeignDisks } from "../../../src/drivers/foreign-disk/foreign-disk.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { Scope } from "../../../src/kit/scope.ts";
import { TestDaemon } from "../../e2e/daemon.ts";
import { foreignCase } from "./foreign.ts";
import { assertPrograms } from "./host.ts";
import { hostileCase, takenCase } from "./hostile.ts";
import { partedCase } from "./parted.ts";
import { playAll, type Play } from "./play.ts";
import { refusedCase } from "./refused.ts";
import { roundCase } from "./round.ts";
import { victims } from "./spoil.ts";

/**
 * `npm run disks -- --part foreign|parted|round|refused|taken|hostile [--seed S] [--count N] [--without WHAT]…`:
 * random trees in disks of foreign tools imported, and in disks of ours, each held against what this host's
 * kernel sees; and spoiled disks. `WHAT` is what tree.py leaves out. As root, in a mount namespace of its own.
 */
const { values } = parseArgs({
  options: {
    part: { type: "string" },
    seed: { type: "string", default: "0" },
    count: { type: "string", default: "10" },
    without: { type: "string", multiple: true, default: [] },
  },
});
const { without } = values;
const [first, count] = [values.seed, values.count].map((text) => {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`${text} is no number`);
  return Number(text);
}) as [number, number];
const signal = endingSignal();
await using scope = new Scope();
const folder = await mkdtemp("/tmp/duet-disks-");
scope.defer(() => rm(folder, { recursive: true, force: true }));

async function startDaemon(): Promise<TestDaemon> {
  /* Ctrl-C ends the daemon, too; its guard takes away what is left then. */
  const after = (done: () => void | Promise<void>): void =>
    scope.defer(async () => (signal.aborted ? undefined : await done()));
  return await TestDaemon.start({ after }, { flags: ["--vm-pool-size", "0"], vmTemplates: true });
}

const parts: Readonly<Record<string, () => Promise<Play>>> = {
  async foreign() {
    const daemon = await startDaemon();
    return async (seed) => await foreignCase(daemon, folder, seed, without);
  },
  async parted() {
    const daemon = await startDaemon();
    return async (seed) => await partedCase(daemon, folder, seed, without);
  },
  async round() {
    const daemon = await startDaemon();
    return async (seed) => await roundCase(daemon, folder, seed, without);
  },
  async refused() {
    const daemon = await startDaemon();
    return async (seed) => await refusedCase(daemon, folder, seed);
  },
  async taken() {
    const directory = join(folder, "taken");
    await mkdir(directory);
    const disks = await createForeignDisks({ directory, log: silentLog });
    const all = await victims(folder);
    return async (seed) => await takenCase(disks, directory, all, seed, signal);
  },
  async hostile() {
    const daemon = await startDaemon();
    const all = await victims(folder);
    return async (seed) => await hostileCase(daemon, all, seed, signal);
  },
};

const part = parts[values.part ?? ""];
if (part === undefined) throw new Error(`--part is one of ${Object.keys(parts).join(", ")}`);
await assertPrograms();
const isRight = await playAll(await part(), { first, count }, signal);
if (!isRight) process.exitCode = 1;
