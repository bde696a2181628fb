import { DockerfileError, located } from "./dockerfile-error.ts";
import type { FromInstruction, Instruction } from "./instruction.ts";
import type { FilesFrom } from "./operation.ts";
import type { PlanOptions } from "./plan.ts";
import { mountFrom } from "./run-mount.ts";
import { expand } from "./shell-words.ts";
import type { SourceRange } from "./source-range.ts";
import { filesFrom } from "./stage-names.ts";

/** What one instruction takes files from, other than the build context. */
export interface InstructionSource {
  readonly from: FilesFrom;
  /** As it is written. */
  readonly name: string;
  readonly range: SourceRange;
  /** Where RUN mounts it; null for COPY. */
  readonly target: string | null;
}

/** Other stages, contexts and images that an instruction takes files from. Throws DockerfileError. */
export function sourcesOf(
  instruction: Exclude<Instruction, FromInstruction>,
  stages: ReadonlyMap<string, number>,
  count: number,
  options: PlanOptions,
): readonly InstructionSource[] {
  const { range } = instruction;
  if (instruction.kind === "COPY" && instruction.from !== "") {
    const name = instruction.from;
    const from = copySource(name, stages, count, options);
    return [{ from, name, range, target: null }];
  }
  if (instruction.kind !== "RUN") return [];
  return instruction.mounts.flatMap((mount): InstructionSource[] => {
    const { type, from: name, target } = located([range], () => mountFrom(mount));
    if (name === "" || type === "tmpfs") return [];
    return [{ from: filesFrom(name, stages, options), name, range, target }];
  });
}

const none = new Map<string, string>();

function copySource(
  name: string,
  stages: ReadonlyMap<string, number>,
  count: number,
  options: PlanOptions,
): FilesFrom {
  if (expand(name, none, { escape: "\\" }).text !== name) {
    // Of this and the next BuildKit tells no line.
    throw new DockerfileError(
      "variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround",
      [],
    );
  }
  if (!/^[+-]?\d+$/.test(name)) return filesFrom(name, stages, options);
  const index = Number(name);
  if (!(index >= 0 && index < count)) throw new DockerfileError(`invalid stage index ${name}`, []);
  return { kind: "stage", index };
}

/** Throws DockerfileError where a stage takes from one that comes after it, which BuildKit has not made by then. */
export function refuseLaterStage(
  source: InstructionSource,
  stage: { readonly index: number; readonly label: string },
): void {
  if (source.from.kind !== "stage" || source.from.index < stage.index) return;
  const name = JSON.stringify(source.name);
  const message =
    source.target === null
      ? `cannot copy from stage ${name}, it needs to be defined before current stage ${JSON.stringify(stage.label)}`
      : `cannot mount from stage ${name} to ${JSON.stringify(source.target)}, stage needs to be defined before current command`;
  throw new DockerfileError(message, [source.range]);
}
