import type { Dockerfile } from "../../../domain/build/dockerfile.ts";
import type { StagePlan } from "../../../domain/build/plan.ts";
import type { BuildPlanned } from "../../../engine/build/build.ts";

/** One line `Step 3/7 : ...` of the classic builder's text. */
export interface ClassicLine {
  readonly text: string;
  /** Name, or its beginning, of what is told of while it runs; null for what takes no time. */
  readonly vertex: string | null;
}

/** The steps of a build in the Dockerfile's order, those alone that the target needs. */
export function classicLines(
  file: Dockerfile,
  planned: BuildPlanned,
  labels: Readonly<Record<string, string>>,
): readonly ClassicLine[] {
  const stages = new Map(planned.plans.map((plan) => [plan.stage.index, plan]));
  const needed = planned.graph.needed.toSorted((one, other) => one - other);
  const lines = [
    ...file.globalArguments.map(({ text }) => ({ text, vertex: null })),
    ...needed.flatMap((index) => stageLines(file, stages.get(index)!)),
  ];
  const given = Object.entries(labels).map(([name, value]) => ` ${name}=${value}`);
  return given.length === 0 ? lines : [...lines, { text: `LABEL${given.join("")}`, vertex: null }];
}

function stageLines(file: Dockerfile, plan: StagePlan): readonly ClassicLine[] {
  const { from } = file.stages[plan.stage.index]!;
  return [
    { text: from.text, vertex: plan.baseName === "" ? null : `${plan.baseName} ` },
    ...plan.steps.map((step) => ({
      text: step.isTrigger ? `ONBUILD ${step.text}` : step.text,
      vertex: step.operation === null ? null : step.name,
    })),
  ];
}

/** Build arguments that no ARG of the file declares, and that mean nothing by themselves. */
export function unusedArguments(
  file: Dockerfile,
  given: Readonly<Record<string, string>>,
): readonly string[] {
  const declared = new Set(
    [...file.globalArguments, ...file.stages.flatMap(({ instructions }) => instructions)].flatMap(
      (instruction) =>
        instruction.kind === "ARG" ? instruction.parameters.map(({ name }) => name) : [],
    ),
  );
  return Object.keys(given)
    .filter((name) => !declared.has(name) && !predefined.test(name))
    .toSorted();
}

const predefined =
  /^(?:(?:HTTP|HTTPS|FTP|NO|ALL)_PROXY|SOURCE_DATE_EPOCH|BUILDKIT_.*|(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT))$/i;
