import { mkdtemp, readFile, rm } from "node:fs/promises";
import fc from "fast-check";
import { Scope } from "../../../src/kit/scope.ts";
import { imageArchive } from "../../e2e/images.ts";
import { committedByBoth } from "./commits.ts";
import { differences } from "./compare.ts";
import { decisions } from "./decided.ts";
import { asked, startPlayers, unpackedByBoth, type Players } from "./engines.ts";
import { imageCases } from "./generate.ts";
import { packImage } from "./image.ts";
import { describeCase, type ImageCase } from "./member.ts";
import { changeCases, simplerChanges } from "./script.ts";
import { shrunk, simplerImages } from "./shrink.ts";
import { Walker } from "./trees.ts";

/** What a run of random cases is to be. */
export interface LayerPlay {
  /** Folder of the dockerd's packages, "" for the installed one. */
  readonly docker: string;
  readonly count: number;
  /** The same seed makes the same cases. */
  readonly seed: number;
  tell(line: string): void;
}

type Ending = "alike" | "both refuse" | "docker refuses" | "duet refuses" | "different";

/** Cases of one sort, and how they are played, told and made smaller. */
interface Sort<Case> {
  readonly name: string;
  readonly cases: fc.Arbitrary<Case>;
  /** How often a case is played to make it smaller. */
  readonly tries: number;
  play(one: Case): Promise<Played>;
  simpler(one: Case): Iterable<Case>;
  describe(one: Case): string;
}

interface Played {
  readonly ending: Ending;
  /** What differs and is not decided. */
  readonly lines: readonly string[];
}

/**
 * Gives random images to a dockerd and to Duet, compares what they make of them, and tells each kind of difference that
 * is not decided once, with the smallest image that shows it. Gives how many kinds there were. `hostile` images have
 * members that no tar program writes.
 */
export async function playLayers(
  play: LayerPlay & { readonly hostile: boolean },
  signal: AbortSignal,
): Promise<number> {
  await using scope = new Scope();
  const { players, walker } = await start(play, scope, signal);
  return await playAll(
    {
      name: "images",
      cases: imageCases(play.hostile),
      tries: 80,
      play: (image) => compared(players, walker, image),
      simpler: simplerImages,
      describe: describeCase,
    },
    play,
    signal,
  );
}

/**
 * The same for containers that are changed at random, committed, saved, and sent from each to the other. Duet's are
 * VMs where `isVm`.
 */
export async function playCommits(
  play: LayerPlay & { readonly isVm: boolean },
  signal: AbortSignal,
): Promise<number> {
  await using scope = new Scope();
  const { players, walker } = await start(play, scope, signal, play.isVm);
  const busybox = await readFile(await imageArchive("busybox"));
  for (const engine of [players.docker, players.duet])
    await asked(engine, "POST", "/images/load?quiet=1", busybox);
  return await playAll(
    {
      name: "containers",
      cases: changeCases(),
      tries: 12,
      async play(one) {
        const { lines, isRefused } = await committedByBoth(players, walker, one, play.isVm);
        if (isRefused) return { ending: "both refuse", lines };
        return { ending: lines.length === 0 ? "alike" : "different", lines };
      },
      simpler: simplerChanges,
      describe: ({ rounds }) => rounds.map((round) => round.join("\n")).join("\n-- commit --\n"),
    },
    play,
    signal,
  );
}

async function start(
  { docker }: LayerPlay,
  scope: Scope,
  signal: AbortSignal,
  isVm = false,
): Promise<{ readonly players: Players; readonly walker: Walker }> {
  const folder = await mkdtemp("/tmp/duet-layers-");
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const players = await startPlayers(docker, isVm, scope, signal);
  const walker = new Walker(folder);
  scope.defer(() => walker[Symbol.asyncDispose]());
  return { players, walker };
}

async function playAll<Case>(
  sort: Sort<Case>,
  { count, seed, tell }: LayerPlay,
  signal: AbortSignal,
): Promise<number> {
  const kinds = new Set<string>();
  const endings = new Map<Ending, number>();
  let played = 0;
  for (const one of fc.sample(sort.cases, { seed, numRuns: count })) {
    if (signal.aborted) break;
    const { ending, lines } = await sort.play(one);
    played += 1;
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
    for (const kind of new Set(lines.map(kindOf))) {
      if (kinds.has(kind)) continue;
      kinds.add(kind);
      const isSame = async (other: Case): Promise<boolean> =>
        !signal.aborted && (await sort.play(other)).lines.some((line) => kindOf(line) === kind);
      const small = await shrunk(one, sort.simpler, isSame, sort.tries);
      const found = (await sort.play(small)).lines.map((line) => `  docker | duet: ${line}`);
      tell([`case ${played}: ${kind}`, sort.describe(small), ...found, ""].join("\n"));
    }
  }
  const counts = [...endings].map(([ending, times]) => `${times} ${ending}`);
  tell(
    `seed ${seed}: ${played} ${sort.name}, ${counts.join(", ")}; ${kinds.size} kinds of difference`,
  );
  return kinds.size;
}

async function compared(players: Players, walker: Walker, image: ImageCase): Promise<Played> {
  const { docker, duet } = await unpackedByBoth(players, walker, image, await packImage(image));
  const lines = differences(docker, duet);
  return {
    ending:
      "failure" in docker
        ? "failure" in duet
          ? "both refuse"
          : "docker refuses"
        : "failure" in duet
          ? "duet refuses"
          : "alike",
    lines: lines.filter((line) => !decisions.some((one) => one.holds(line, image))),
  };
}

/** The line without names and numbers. */
function kindOf(line: string): string {
  return line
    .replace(/\\?"(?:[^"\\]|\\.)*?\\?"|'[^']*'/g, "…")
    .replace(/[\w.+-]*\/[^ :]*/g, "…")
    .replace(/(\w+at) \S+( [^ :]+)?:/, "$1 …:")
    .replace(/[0-9a-f]{12,}|\d+/g, "N");
}
