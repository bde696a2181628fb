import { mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as delay } from "node:timers/promises";
import { imageFile } from "../../images/build.ts";
import { withDeadline } from "../../src/kit/abort.ts";
import { DuetError } from "../../src/kit/errors.ts";
import { Scope } from "../../src/kit/scope.ts";
import { reportFailure, step } from "../../tools/progress.ts";
import { endingSignal } from "../ending.ts";
import { startDuet } from "../engines/duet.ts";
import { installDuet } from "../engines/installed.ts";
import { endLeftovers } from "../engines/leftovers.ts";
import { renderHost } from "../report.ts";
import { Api } from "./api.ts";
import { fullScale, type LoadCase, type LoadResult, type LoadScale } from "./case.ts";
import { execsCase } from "./cases/execs.ts";
import { floodCase } from "./cases/flood.ts";
import { readersCase } from "./cases/readers.ts";
import { slowReadersCase } from "./cases/slow-readers.ts";
import { startsCase } from "./cases/starts.ts";
import { Observer } from "./observer.ts";

/**
 * `npm run load -- [--case NAME]… [--containers N] [--at-once N] [--rate N] [--minutes N] [--followers N]
 * [--subscribers N] [--flood SECONDS] [--paused SECONDS]`: loads one daemon with a data root of its own and
 * tells, in Markdown, what it held meanwhile and what is left. Exit code 1 where a promise is broken.
 */
const allCases: readonly LoadCase[] = [
  startsCase,
  execsCase,
  readersCase,
  slowReadersCase,
  floodCase,
];
const longestMilliseconds = 3 * 60 * 60_000;
/** The daemon gives memory back once a minute at most. */
const quietMilliseconds = 75_000;
const mebibyte = 1 << 20;

async function main(signal: AbortSignal): Promise<readonly LoadResult[]> {
  const { cases, scale } = readOptions(process.argv.slice(2));
  await using scope = new Scope();
  const folder = await mkdtemp("/tmp/duet-load-");
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const cgroup = folder.slice("/tmp/".length);
  scope.defer(() => endLeftovers(folder, cgroup));
  const installed = await step("Duet, as it is installed", () =>
    installDuet(join(folder, "installed"), signal),
  );
  const place = { folder: join(folder, "duet"), cgroup, dockerClient: "docker", signal };
  const probe = join(folder, "loop-probe");
  const engine = await startDuet("duet", installed, place, ["--vm-pool-size", "0"], {
    NODE_OPTIONS: `--import=${join(import.meta.dirname, "loop-probe.ts")}`,
    DUET_LOAD_PROBE: probe,
  });
  scope.defer(async () => await engine[Symbol.asyncDispose]());
  await engine.client.call("load", "--quiet", "-i", await imageFile("busybox", signal));
  const pid = Number(await readFile(join(place.folder, "run/duetd.pid"), "utf8"));
  using api = new Api(engine.socket, signal);
  const observer = new Observer({ pid, mark: place.folder, probe, api });
  // Warm, so that what comes first is not taken for growth.
  await api.remove([await api.run(["true"])], 1);
  await observer.look();
  const results: LoadResult[] = [];
  for (const one of cases) {
    const dataRoot = join(place.folder, "data");
    const result = await step(one.name, () => one.run({ api, observer, scale, dataRoot, signal }));
    const left = await leftBehind(observer);
    results.push({ ...result, broken: [...result.broken, ...left] });
  }
  const [first, last] = [observer.holdings[0]!, await observer.look()];
  // By then the daemon has noticed that it is quiet.
  await step("quiet", () => delay(quietMilliseconds, undefined, { signal }));
  const quiet = await observer.look();
  process.stdout.write(`\n${renderHost()}\n\n`);
  for (const { title, notes, broken } of results) {
    const lines = [...notes, ...broken.map((text) => `**broken: ${text}**`)];
    process.stdout.write(`### ${title}\n\n${lines.map((text) => `- ${text}\n`).join("")}\n`);
  }
  process.stdout.write(
    `The daemon: ${(first.rss / mebibyte).toFixed(0)} MiB resident and ${first.descriptors} descriptors at first, ${(last.rss / mebibyte).toFixed(0)} MiB and ${last.descriptors} at last, ${(quiet.rss / mebibyte).toFixed(0)} MiB and ${quiet.descriptors} after ${quietMilliseconds / 1_000} quiet seconds.\n`,
  );
  const { body } = await api.call("GET", "/metrics");
  const own = body.split("\n").filter((text) => /^(nodejs|process_resident)/.test(text));
  process.stdout.write(`${own.join(", ")}\n`);
  return results;
}

/** What removed containers leave goes a moment after their removal is answered. */
async function leftBehind(observer: Observer): Promise<readonly string[]> {
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await observer.look()).shims === 0) return [];
    await delay(100);
  }
  return ["shims are left"];
}

function readOptions(argv: readonly string[]): {
  readonly cases: readonly LoadCase[];
  readonly scale: LoadScale;
} {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      case: { type: "string", multiple: true, default: [] },
      containers: { type: "string", default: String(fullScale.containers) },
      "at-once": { type: "string", default: String(fullScale.atOnce) },
      rate: { type: "string", default: String(fullScale.execsPerMinute) },
      minutes: { type: "string", default: String(fullScale.minutes) },
      followers: { type: "string", default: String(fullScale.followers) },
      subscribers: { type: "string", default: String(fullScale.subscribers) },
      flood: { type: "string", default: String(fullScale.floodSeconds) },
      paused: { type: "string", default: String(fullScale.pausedSeconds) },
    },
  });
  const names = allCases.map(({ name }) => name);
  const unknown = values.case.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new DuetError("invalid", "USAGE", `there is no case ${unknown}`, {
      hint: `choose from ${names.join(", ")}`,
    });
  }
  return {
    cases: allCases.filter(({ name }) => values.case.length === 0 || values.case.includes(name)),
    scale: {
      containers: Number(values.containers),
      atOnce: Number(values["at-once"]),
      execsPerMinute: Number(values.rate),
      minutes: Number(values.minutes),
      followers: Number(values.followers),
      subscribers: Number(values.subscribers),
      floodSeconds: Number(values.flood),
      pausedSeconds: Number(values.paused),
      longestWait: fullScale.longestWait,
    },
  };
}

try {
  const results = await main(withDeadline(endingSignal(), longestMilliseconds, "the load"));
  if (results.some(({ broken }) => broken.length > 0)) process.exitCode = 1;
} catch (error) {
  process.exitCode = reportFailure(error);
}
