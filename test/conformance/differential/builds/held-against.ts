import { randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { askClassic } from "./asked-classic.ts";
import {
  askBuild,
  dropImage,
  imageOf,
  placeMore,
  type AskedBuild,
  type BuildsEngine,
  type Outcome,
} from "./asked-build.ts";
import { rootCommand, type BuildCase } from "./build-case.ts";
import { changeContext, placeContext } from "./place-context.ts";

/** Where two engines answered otherwise. */
export interface BuildDifference {
  /** What is another, such as `image /etc/passwd`. */
  readonly what: string;
  readonly docker: string;
  readonly duet: string;
}

export interface BuildPair {
  readonly docker: BuildsEngine;
  readonly duet: BuildsEngine;
  readonly buildx: string;
  /** Docker's client, where the classic builder is to be asked; "" for BuildKit. */
  readonly classic: string;
  readonly base: Buffer;
  readonly folder: string;
}

let count = 0;

/**
 * Builds one case by both: once, once more, and, where the case has a change, a third time after that. Gives what differs
 * in the first build that does.
 */
export async function holdAgainst(
  pair: BuildPair,
  build: BuildCase,
  signal: AbortSignal,
): Promise<readonly BuildDifference[]> {
  count += 1;
  const tag = `built-${count}`;
  const folder = join(pair.folder, tag);
  const context = join(folder, "context");
  await mkdir(context, { recursive: true });
  try {
    await placeContext(build, context);
    const asked: AskedBuild = { build, context, tag, ...(await placeMore(folder)) };
    const first = await once(pair, asked, true, signal);
    if (first.differences.length > 0 || first.failed) return first.differences;
    const again = await once(pair, asked, false, signal);
    if (again.differences.length > 0) return again.differences.map(named("again"));
    if (build.change === null) return [];
    await changeContext(context, build.change, randomBytes(8).toString("hex"));
    const changed = await once(pair, asked, false, signal);
    return changed.differences.map(named("changed"));
  } finally {
    await Promise.all([pair.docker, pair.duet].map((engine) => dropImage(engine, tag)));
    await rm(folder, { recursive: true, force: true });
  }
}

function named(when: string): (difference: BuildDifference) => BuildDifference {
  return (difference) => ({ ...difference, what: `${when}: ${difference.what}` });
}

async function once(
  pair: BuildPair,
  asked: AskedBuild,
  isFirst: boolean,
  signal: AbortSignal,
): Promise<{ readonly differences: readonly BuildDifference[]; readonly failed: boolean }> {
  const [docker, duet] = await Promise.all(
    [pair.docker, pair.duet].map(async (engine) => {
      const outcome =
        pair.classic === ""
          ? await askBuild(engine, pair.buildx, asked, signal)
          : await askClassic(engine, pair.classic, asked, isFirst, signal);
      if (outcome.error !== undefined || !isFirst) return outcome;
      return { ...outcome, image: await imageOf(engine, asked.tag, pair.base) };
    }),
  );
  const differences = [...differencesOf(factsOf(docker!, isFirst), factsOf(duet!, isFirst))];
  return { differences, failed: docker!.error !== undefined };
}

/** Each engine has its own way of telling whether what it takes from elsewhere is there. */
function isSource(step: string): boolean {
  return /^\w+: (?:FROM |\[context )/.test(step);
}

function factsOf(outcome: Outcome, isFirst: boolean): ReadonlyMap<string, string> {
  const { error, warnings, steps, image, said } = outcome;
  const facts = new Map<string, string>();
  if (said !== undefined) facts.set("said", said);
  if (error !== undefined) {
    facts.set("error", error);
    return facts;
  }
  facts.set("warnings", warnings.join("\n"));
  // Whether the first build hits depends on what was built before.
  const shown = steps.map((step) =>
    isFirst || isSource(step) ? step.replace(/^\w+: /, "") : step,
  );
  facts.set("steps", shown.toSorted().join("\n"));
  if (image === undefined) return facts;
  facts.set("history", image.history.join("\n").replaceAll(rootCommand, "ROOT"));
  for (const [key, value] of Object.entries(image.config))
    facts.set(`config ${key}`, JSON.stringify(value));
  for (const [path, line] of Object.entries(image.files)) facts.set(`file ${path}`, line);
  return facts;
}

function* differencesOf(
  docker: ReadonlyMap<string, string>,
  duet: ReadonlyMap<string, string>,
): Generator<BuildDifference, void, void> {
  if (docker.has("error") !== duet.has("error")) {
    yield { what: "success", docker: docker.get("error") ?? "", duet: duet.get("error") ?? "" };
    return;
  }
  for (const what of new Set([...docker.keys(), ...duet.keys()])) {
    const [one, other] = [docker.get(what) ?? "", duet.get(what) ?? ""];
    // Duet adds a line of advice to some errors.
    if (one !== other && !(what === "error" && other.startsWith(`${one}\n`)))
      yield { what, docker: one, duet: other };
  }
}
