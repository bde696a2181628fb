import { toDuetError } from "../../kit/errors.ts";
import { parsePlatform } from "../platform.ts";
import type { Platform } from "../image.ts";
import { globalVariables, ownValue } from "./build-arguments.ts";
import { Checks, readCheckSettings, type CheckSettings } from "./checks.ts";
import type { Dockerfile, WrittenStage } from "./dockerfile.ts";
import { DockerfileError, located } from "./dockerfile-error.ts";
import { checkDefaultBases, checkFile, checkFromVariables, checkPlatform } from "./file-checks.ts";
import type { PlanOptions, Stage, StageBase, StageGraph } from "./plan.ts";
import { expand, type Variables } from "./shell-words.ts";
import { checkImageName, contextFor, stageIndexes } from "./stage-names.ts";
import { refuseLaterStage, sourcesOf, type InstructionSource } from "./stage-sources.ts";
import { didYouMean } from "./suggest.ts";

/** Which rules are looked at for this build. */
export function checkSettings(file: Dockerfile, options: PlanOptions): CheckSettings {
  const given = ownValue(options.buildArguments, "BUILDKIT_DOCKERFILE_CHECK");
  return readCheckSettings(given ?? file.directives.get("check")?.value ?? "");
}

/** Reads the stages of a Dockerfile and what they need. Throws DockerfileError. */
export function readStages(file: Dockerfile, options: PlanOptions): StageGraph {
  const checks = new Checks(checkSettings(file, options));
  checkFile(file, checks);
  checkDefaultBases(file, globalVariables(file, options, {}), checks);
  const variables = globalVariables(file, options, options.buildArguments);
  const stages: Stage[] = [];
  const known = new Map<string, number>();
  for (const [index, written] of file.stages.entries()) {
    const read = readStage({ file, options, variables, checks, known }, written, index);
    const below = read.base.kind === "stage" ? stages[read.base.index] : undefined;
    const stage = below === undefined ? read : { ...read, platform: below.platform };
    stages.push(stage);
    if (stage.name !== null) known.set(stage.name, index);
  }
  const target = targetOf(stages, known, options);
  const sources = stages.map((stage) => stageSources(file, stage, stages, options));
  const linked = stages.map((stage, index): Stage => ({
    ...stage,
    takesFrom: stageNumbers(sources[index]!),
  }));
  refuseCycles(linked, sources);
  for (const { base, range } of linked) {
    if (base.kind === "image") located([range], () => checkImageName(base.reference));
  }
  for (const { from, range } of sources.flat()) {
    if (from.kind === "image") located([range], () => checkImageName(from.reference));
  }
  const needed = neededStages(linked, target);
  for (const index of needed) {
    for (const source of sources[index]!) refuseLaterStage(source, linked[index]!);
  }
  return { stages: linked, target, needed, warnings: checks.warnings };
}

interface Reading {
  readonly file: Dockerfile;
  readonly options: PlanOptions;
  readonly variables: Variables;
  readonly checks: Checks;
  /** Stages before this one, by name. */
  readonly known: ReadonlyMap<string, number>;
}

function readStage(reading: Reading, written: WrittenStage, index: number): Stage {
  const { file, options, variables, checks, known } = reading;
  const { from } = written;
  const lexing = { escape: file.escape };
  const base = located([from.range], () => expand(from.base, variables, lexing));
  checkFromVariables(base.unmatched, variables, file, from, checks);
  if (base.text === "") {
    throw new DockerfileError(`base name (${from.base.slice(0, 200)}) should not be blank`, [
      from.range,
    ]);
  }
  const name = from.stage;
  const label = standsAlone(file) ? "" : nameOf(name, index);
  return {
    index,
    name,
    label,
    base: baseOf(base.text, name, known, options),
    platform: platformOf(reading, written) ?? options.platform,
    takesFrom: [],
    range: from.range,
  };
}

function nameOf(name: string | null, index: number): string {
  return name ?? `stage-${index}`;
}

/** Whether steps are shown without a stage's name, as BuildKit does: a mount of any kind counts there as a source. */
function standsAlone({ stages }: Dockerfile): boolean {
  const [only] = stages;
  return (
    stages.length === 1 &&
    only!.instructions.every(
      (each) =>
        !(each.kind === "RUN" && each.mounts.length > 0) &&
        !(each.kind === "COPY" && each.from !== ""),
    )
  );
}

function baseOf(
  text: string,
  name: string | null,
  known: ReadonlyMap<string, number>,
  options: PlanOptions,
): StageBase {
  if (name !== null && options.contexts.has(name)) return { kind: "context", name };
  const index = known.get(text);
  if (index !== undefined) return { kind: "stage", index };
  if (text === "scratch") return { kind: "scratch" };
  const context = contextFor(text, options);
  if (context !== undefined) return { kind: "context", name: context };
  return { kind: "image", reference: text };
}

/** Whether a context that the client names stands for the whole stage. */
export function isReplaced(stage: Stage): boolean {
  return stage.base.kind === "context" && stage.base.name === stage.name;
}

function platformOf(reading: Reading, { from }: WrittenStage): Platform | undefined {
  if (from.platform === "") return undefined;
  const { file, variables, checks } = reading;
  const found = located([from.range], () =>
    expand(from.platform, variables, { escape: file.escape }),
  );
  checkFromVariables(found.unmatched, variables, file, from, checks);
  checkPlatform(found, variables, from, checks);
  const shown = from.platform.slice(0, 200);
  const [unknown = ""] = found.unmatched;
  const hint = unknown === "" ? "" : didYouMean(unknown, variables.keys(), true);
  if (found.text === "") {
    throw new DockerfileError(`empty platform value from expression ${shown}${hint}`, [from.range]);
  }
  try {
    return parsePlatform(found.text);
  } catch (error) {
    const why = toDuetError(error).message + hint;
    throw new DockerfileError(`failed to parse platform ${shown}: ${why}`, [from.range], {
      cause: error,
    });
  }
}

function targetOf(
  stages: readonly Stage[],
  known: ReadonlyMap<string, number>,
  options: PlanOptions,
): number {
  const { target } = options;
  if (target === "") return stages.length - 1;
  const index = known.get(target.toLowerCase());
  if (index !== undefined) return index;
  const names = stages.map((stage) => nameOf(stage.name, stage.index));
  const shown = JSON.stringify(target.slice(0, 200));
  throw new DockerfileError(
    `target stage ${shown} could not be found${didYouMean(target, names, true)}`,
    [],
  );
}

function stageSources(
  file: Dockerfile,
  stage: Stage,
  stages: readonly Stage[],
  options: PlanOptions,
): readonly InstructionSource[] {
  if (isReplaced(stage)) return [];
  const indexes = stageIndexes(stages);
  return file.stages[stage.index]!.instructions.flatMap((instruction) =>
    sourcesOf(instruction, indexes, stages.length, options),
  );
}

function stageNumbers(sources: readonly InstructionSource[]): readonly number[] {
  const numbers = sources.flatMap(({ from }) => (from.kind === "stage" ? [from.index] : []));
  return [...new Set(numbers)];
}

/** Throws DockerfileError where stages take from one another in a circle. */
function refuseCycles(
  stages: readonly Stage[],
  sources: readonly (readonly InstructionSource[])[],
): void {
  const done = new Set<number>();
  for (const start of stages) {
    const path: { readonly index: number; next: number }[] = [];
    const onPath = new Set<number>();
    const enter = (index: number): void => {
      done.add(index);
      onPath.add(index);
      path.push({ index, next: 0 });
    };
    if (!done.has(start.index)) enter(start.index);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = stages[top.index]!.takesFrom[top.next];
      top.next += 1;
      if (next === undefined) {
        onPath.delete(top.index);
        path.pop();
      } else if (onPath.has(next)) {
        const ranges = path.flatMap(({ index }) => sources[index]!.map((source) => source.range));
        const label = start.name ?? start.label;
        throw new DockerfileError(`circular dependency detected on stage: ${label}`, ranges);
      } else if (!done.has(next)) enter(next);
    }
  }
}

/** What a stage stands on or takes from, each before those that need it. */
function neededStages(stages: readonly Stage[], target: number): readonly number[] {
  const ordered: number[] = [];
  const seen = new Set([target]);
  const path = [{ index: target, next: 0 }];
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const stage = stages[top.index]!;
    const before = stage.base.kind === "stage" ? [stage.base.index] : [];
    const next = [...before, ...stage.takesFrom][top.next];
    top.next += 1;
    if (next === undefined) {
      ordered.push(top.index);
      path.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      path.push({ index: next, next: 0 });
    }
  }
  return ordered;
}
