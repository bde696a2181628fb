import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { endingSignal } from "../../../bench/ending.ts";
import { Scope } from "../../../src/kit/scope.ts";
import { peersFolder } from "../../../tools/peers/bring.ts";
import { containersOnly, TestDaemon } from "../../e2e/daemon.ts";
import {
  describe,
  differencesFromRecord,
  differencesOf,
  judge,
  newerName,
  playOne,
  withoutDockersOwn,
  type Found,
} from "./differences.ts";
import type { Json } from "./reading.ts";
import { writePage } from "./page.ts";
import {
  isRecordedIn,
  otherVersions,
  readRecording,
  record,
  wholeVersion,
  writeRecordings,
} from "./recording.ts";
import { playCommits, playLayers } from "../layers/main.ts";
import { loadImages, newestOfBoth, startDocker, whenShellWaits } from "./engines.ts";
import { playBuilds } from "./builds/main.ts";
import { decisions } from "./decided.ts";
import { asMachines, machineDaemon, machineDecisions } from "./machines.ts";
import type { Engine } from "./play.ts";
import { scenarios } from "./scenarios/index.ts";

/**
 * `npm run differential -- [--docker installed|SUITE] [--only TEXT]… [--version 1.41]… [--all] [--record] [--out FILE]`:
 * plays scenarios against a real dockerd and Duet, and prints what differs; `--record` keeps the
 * answers of Docker 28, with which the tests compare too.
 * `npm run differential -- --layers N [--seed S] [--hostile]` gives both random images, and compares the trees;
 * `--commits N [--isolation vm]` changes containers of both at random, and compares what they are committed and saved
 * to.
 * `npm run differential -- --builds N [--seed S] [--shrinks N] [--cases FILE] [--classic] [--isolation vm]` has both
 * build random Dockerfiles, by the classic builder or with Duet's RUN steps as machines where that is asked for.
 */
const { values } = parseArgs({
  options: {
    docker: { type: "string", default: "installed" },
    only: { type: "string", multiple: true, default: [] },
    version: { type: "string", multiple: true, default: [] },
    record: { type: "boolean", default: false },
    page: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    isolation: { type: "string", default: "container" },
    out: { type: "string", default: "" },
    layers: { type: "string" },
    builds: { type: "string" },
    cases: { type: "string", default: "" },
    shrinks: { type: "string", default: "40" },
    commits: { type: "string" },
    classic: { type: "boolean", default: false },
    hostile: { type: "boolean", default: false },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
if (values.page) {
  writePage();
  process.exit(0);
}
const signal = endingSignal();
const root = values.docker === "installed" ? "" : peersFolder(values.docker);
const generated = values.layers ?? values.commits;
if (generated !== undefined) {
  const tell = (line: string): void => void process.stdout.write(`${line}\n`);
  const play = { docker: root, count: Number(generated), seed: Number(values.seed), tell };
  const kinds =
    values.layers === undefined
      ? await playCommits({ ...play, isVm: values.isolation === "vm" }, signal)
      : await playLayers({ ...play, hostile: values.hostile }, signal);
  process.exit(kinds === 0 ? 0 : 1);
}
if (values.builds !== undefined) {
  const [count, seed, shrinks] = [values.builds, values.seed, values.shrinks].map(Number);
  const { cases } = values;
  const asked = {
    ...{ count: count!, seed: seed!, shrinks: shrinks!, cases, classic: values.classic },
    isolation: values.isolation === "vm" ? ("vm" as const) : ("container" as const),
  };
  const differing = await playBuilds(root, asked, signal);
  process.exit(differing === 0 ? 0 : 1);
}
await using scope = new Scope();
const folder = await mkdtemp("/tmp/duet-differential-");
scope.defer(() => rm(folder, { recursive: true, force: true }));
const docker = await startDocker(root, join(folder, "docker"), scope, signal);
const daemon = await TestDaemon.start(
  { after: (undo) => scope.defer(() => saysWhatIsWrong(undo as () => Promise<void>)) },
  values.isolation === "vm" ? machineDaemon : { flags: containersOnly },
);
const isVm = values.isolation === "vm";
const plain: Engine = { name: "duet", socket: daemon.socket, folder: daemon.folder };
const duet: Engine = isVm
  ? asMachines(plain)
  : { ...plain, settle: (request) => whenShellWaits(plain, request) };
await Promise.all([loadImages(docker), loadImages(duet)]);
const newest = await newestOfBoth(docker, duet);
const versions = values.record
  ? [wholeVersion, ...otherVersions]
  : values.version.length > 0
    ? values.version
    : [newest];
const chosen = scenarios.filter(
  ({ name }) => values.only.length === 0 || values.only.some((text) => name.includes(text)),
);
const found: Found[] = [];
const isNewer = docker.name.startsWith(newerName);
const recordings = new Map<string, Map<string, Json>>();
for (const version of versions) {
  const recorded = values.record ? recordedOfOthers(version) : new Map<string, Json>();
  recordings.set(version, recorded);
  const wanted = values.record ? chosen.filter((one) => isRecordedIn(one, version)) : chosen;
  for (const scenario of wanted) {
    signal.throwIfAborted();
    const began = performance.now();
    const [asked, answered] = await Promise.all([
      playOne(docker, scenario, version),
      playOne(duet, scenario, version),
    ]);
    record(recorded, scenario.name, asked);
    const recording = readRecording(version);
    const newer = differencesFromRecord(scenario, version, recording, answered);
    const all = differencesOf(scenario, version, asked, answered);
    const differences = isNewer ? all : withoutDockersOwn(all, newer, recording);
    found.push(...differences);
    const took = ((performance.now() - began) / 1000).toFixed(1);
    process.stderr.write(`${scenario.name}: ${differences.length} in ${took} s\n`);
  }
}
if (values.record) writeRecordings(recordings);
const { undecided, unseen } = judge(
  found,
  docker.name,
  isVm ? [...decisions, ...machineDecisions] : decisions,
);
const text = (values.all ? found : undecided).map(describe).join("\n");
if (values.out !== "") await writeFile(values.out, `${text}\n`);
else process.stdout.write(`${text}\n`);
if (values.only.length === 0) {
  for (const { what } of unseen) process.stderr.write(`decided, and not seen: ${what}\n`);
}
process.exitCode = undecided.length === 0 ? 0 : 1;

/** What is on record of the scenarios that are not played now. */
function recordedOfOthers(version: string): Map<string, Json> {
  const others = scenarios.filter((one) => !chosen.includes(one) && isRecordedIn(one, version));
  return new Map(
    [...readRecording(version)].filter(([key]) =>
      others.some(({ name }) => key.startsWith(`${name} · `)),
    ),
  );
}

/** What the end of the daemon finds wrong, such as answers that are not as described, is only told. */
async function saysWhatIsWrong(undo: () => Promise<void>): Promise<void> {
  try {
    await undo();
  } catch (error) {
    process.stderr.write(`${String(error).replaceAll("; ", "\n  ")}\n`);
  }
}
