import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { bringClients } from "../../../../tools/clients/bring.ts";
import { imageArchive } from "../../../e2e/images.ts";
import type { Engine } from "../play.ts";
import type { BuildsEngine } from "./asked-build.ts";
import { classicCase } from "./asked-classic.ts";
import { linesOf, type BuildCase } from "./build-case.ts";
import { decidedBuilds } from "./decided-builds.ts";
import { decidedClassic } from "./decided-classic.ts";
import { decidedMachines } from "./decided-machines.ts";
import { holdAgainst, type BuildDifference, type BuildPair } from "./held-against.ts";
import { buildCase } from "./random-case.ts";

export interface BuildsOptions {
  readonly count: number;
  readonly seed: number;
  /** A file with cases as they were printed, one a line, to be built in place of random ones. */
  readonly cases: string;
  /** Of Duet's RUN steps. */
  readonly isolation: "container" | "vm";
  /** Asks the classic builder, with the part of each case that it knows. */
  readonly classic: boolean;
  /** How many smaller cases are tried where one differs. */
  readonly shrinks: number;
}

/**
 * Builds random cases by a real Docker and by Duet, and prints where they differ, made small. Case N of a run with seed S
 * is the first of a run with seed S+N. Gives how many differ.
 */
export async function compareBuilds(
  docker: Engine,
  duet: Engine,
  folder: string,
  options: BuildsOptions,
  signal: AbortSignal,
): Promise<number> {
  const pair = await pairOf(docker, duet, folder, options, signal);
  let differing = 0;
  for await (const { name, build, differences } of options.cases === ""
    ? randomCases(pair, options, signal)
    : givenCases(pair, options.cases, signal)) {
    if (differences.length === 0) continue;
    differing += 1;
    process.stdout.write(`${describe(name, build, differences)}\n`);
  }
  return differing;
}

interface Held {
  readonly name: string;
  readonly build: BuildCase;
  readonly differences: readonly BuildDifference[];
}

async function* givenCases(
  pair: BuildPair,
  file: string,
  signal: AbortSignal,
): AsyncGenerator<Held, void, void> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.startsWith("{"));
  for (const [index, line] of lines.entries()) {
    const build = JSON.parse(line) as BuildCase;
    yield { name: `${index}`, build, differences: await held(pair, build, signal) };
  }
}

async function* randomCases(
  pair: BuildPair,
  { count, seed, shrinks }: BuildsOptions,
  signal: AbortSignal,
): AsyncGenerator<Held, void, void> {
  for (let at = seed; at < seed + count; at += 1) {
    signal.throwIfAborted();
    let smallest: Held | undefined;
    let tried = 0;
    const cases = pair.classic === "" ? buildCase : buildCase.map(classicCase);
    const property = fc.asyncProperty(cases, async (build) => {
      tried += 1;
      if (tried > shrinks + 1) return true;
      const differences = await held(pair, build, signal);
      if (differences.length === 0) return true;
      smallest = { name: `seed ${at}`, build, differences };
      return false;
    });
    await fc.check(property, { seed: at, numRuns: 1 });
    process.stderr.write(`${at}: ${smallest === undefined ? "same" : "differs"}\n`);
    yield smallest ?? { name: `seed ${at}`, build: emptyCase, differences: [] };
  }
}

const emptyCase: BuildCase = {
  files: [],
  ignored: [],
  head: [],
  stages: [],
  arguments: {},
  target: "",
  change: null,
};

/** What differs and is not decided. */
async function held(
  pair: BuildPair,
  build: BuildCase,
  signal: AbortSignal,
): Promise<readonly BuildDifference[]> {
  const differences = await holdAgainst(pair, build, signal);
  const decided = [
    ...decidedBuilds,
    ...(pair.classic === "" ? [] : decidedClassic),
    ...(Object.keys(pair.duet.given).length === 0 ? [] : decidedMachines),
  ];
  return differences.filter((difference) =>
    decided.every(({ covers }) => !covers(difference, build)),
  );
}

function describe(name: string, build: BuildCase, differences: readonly BuildDifference[]): string {
  const shown = differences
    .slice(0, 6)
    .map(
      ({ what, docker, duet }) =>
        `  ${what}\n    docker: ${indented(docker)}\n    duet:   ${indented(duet)}`,
    );
  const more = differences.length > 6 ? [`  and ${differences.length - 6} more`] : [];
  const text = linesOf(build).join("\n");
  return [`=== ${name}`, text, ...shown, ...more, JSON.stringify(build)].join("\n");
}

function indented(text: string): string {
  return text.replaceAll("\n", "\n            ");
}

async function pairOf(
  docker: Engine,
  duet: Engine,
  folder: string,
  { isolation, classic }: BuildsOptions,
  signal: AbortSignal,
): Promise<BuildPair> {
  const tree = await bringClients("newest", { fresh: false, signal });
  const settings = async (engine: Engine): Promise<BuildsEngine> => {
    const place = join(folder, `client-${engine.name.split(" ")[0]}`);
    await mkdir(join(place, "cli-plugins"), { recursive: true });
    const plugin = join(tree, "usr/libexec/docker/cli-plugins/docker-buildx");
    await symlink(plugin, join(place, "cli-plugins/docker-buildx"));
    await writeFile(join(place, "config.json"), "{}");
    const given = isolation === "vm" && engine === duet ? { DUET_ISOLATION: "vm" } : {};
    return { ...engine, settings: place, given };
  };
  return {
    docker: await settings(docker),
    duet: await settings(duet),
    buildx: join(tree, "usr/libexec/docker/cli-plugins/docker-buildx"),
    classic: classic ? join(tree, "usr/bin/docker") : "",
    base: await readFile(await imageArchive("busybox")),
    folder,
  };
}
