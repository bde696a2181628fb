import { mkdtemp, rm } from "node:fs/promises";
import fc from "fast-check";
import { Scope } from "../../../src/kit/scope.ts";
import { differences } from "./compare.ts";
import { decisions } from "./decided.ts";
import { startPlayers, unpackedByBoth, type Players } from "./engines.ts";
import { imageCases } from "./generate.ts";
import { packImage } from "./image.ts";
import { describeCase, type ImageCase } from "./member.ts";
import { shrunk } from "./shrink.ts";
import { Walker } from "./trees.ts";

/** What a run of random images is to be. */
export interface LayerPlay {
  /** Folder of the dockerd's packages, "" for the installed one. */
  readonly docker: string;
  readonly count: number;
  /** The same seed makes the same images. */
  readonly seed: number;
  /** With members that no tar program writes. */
  readonly hostile: boolean;
  tell(line: string): void;
}

type Ending = "alike" | "both refuse" | "docker refuses" | "duet refuses";

const shrinkTries = 80;

/**
 * Gives random images to a dockerd and to Duet, compares what they make of them, and tells each kind of difference that
 * is not decided once, with the smallest image that shows it. Gives how many kinds there were.
 */
export async function playLayers(play: LayerPlay, signal: AbortSignal): Promise<number> {
  await using scope = new Scope();
  const folder = await mkdtemp("/tmp/duet-layers-");
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const players = await startPlayers(play.docker, scope, signal);
  await using walker = new Walker(folder);
  const kinds = new Set<string>();
  const endings = new Map<Ending, number>();
  const cases = fc.sample(imageCases(play.hostile), { seed: play.seed, numRuns: play.count });
  for (const [index, image] of cases.entries()) {
    signal.throwIfAborted();
    const { ending, lines } = await compared(players, walker, image);
    endings.set(ending, (endings.get(ending) ?? 0) + 1);
    for (const kind of new Set(lines.map(kindOf))) {
      if (kinds.has(kind)) continue;
      kinds.add(kind);
      const isSame = async (other: ImageCase): Promise<boolean> =>
        (await compared(players, walker, other)).lines.some((line) => kindOf(line) === kind);
      const small = await shrunk(image, isSame, shrinkTries);
      const found = await compared(players, walker, small);
      const told = found.lines.map((line) => `  docker | duet: ${line}`);
      play.tell([`image ${index}`, describeCase(small), ...told, ""].join("\n"));
    }
  }
  const counts = [...endings].map(([ending, count]) => `${count} ${ending}`);
  play.tell(
    `seed ${play.seed}: ${cases.length} images, ${counts.join(", ")}; ${kinds.size} kinds of difference`,
  );
  return kinds.size;
}

async function compared(
  players: Players,
  walker: Walker,
  image: ImageCase,
): Promise<{ readonly ending: Ending; readonly lines: readonly string[] }> {
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
