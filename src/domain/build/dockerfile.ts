import { DockerfileError, InstructionFault, LineError, LineFault } from "./dockerfile-error.ts";
import type { ArgInstruction, FromInstruction, Instruction } from "./instruction.ts";
import { readLogicalLines, type Directive, type LogicalLine } from "./logical-lines.ts";
import { readInstruction } from "./read-instruction.ts";

/** A Dockerfile as it is written; nothing in it has been expanded. */
export interface Dockerfile {
  /** What takes a character's meaning away: `\`, or a backtick. */
  readonly escape: string;
  /** The parser directives `syntax`, `escape` and `check`, as far as given. */
  readonly directives: ReadonlyMap<string, Directive>;
  /** ARGs before the first FROM. */
  readonly globalArguments: readonly ArgInstruction[];
  readonly stages: readonly WrittenStage[];
  /** Last lines of instructions that have an empty line in their continuation. */
  readonly emptyContinuations: readonly number[];
}

export interface WrittenStage {
  readonly from: FromInstruction;
  readonly instructions: readonly Exclude<Instruction, FromInstruction>[];
}

/** Reads a Dockerfile. Throws DockerfileError (`invalid` DOCKERFILE_INVALID) with BuildKit's messages. */
export function parseDockerfile(content: Buffer): Dockerfile {
  if (content.length === 0) throw new DockerfileError("the Dockerfile cannot be empty", []);
  const { lines, directives, escape, emptyContinuations } = readLogicalLines(content);
  const globalArguments: ArgInstruction[] = [];
  const stages: {
    from: FromInstruction;
    instructions: Exclude<Instruction, FromInstruction>[];
  }[] = [];
  for (const instruction of readInstructions(lines, escape)) {
    if (instruction instanceof DockerfileError) throw instruction;
    if (instruction.kind === "FROM") stages.push({ from: instruction, instructions: [] });
    else if (stages.length > 0) stages.at(-1)!.instructions.push(instruction);
    else if (instruction.kind === "ARG") globalArguments.push(instruction);
    else throw new DockerfileError("no build stage in current context", [instruction.range]);
  }
  if (stages.length === 0) {
    throw new DockerfileError("dockerfile contains no stages to build", []);
  }
  return { escape, directives, globalArguments, stages, emptyContinuations };
}

/** BuildKit splits all lines before it reads the first instruction: what is wrong with a line is told first. */
function readInstructions(
  lines: readonly LogicalLine[],
  escape: string,
): readonly (Instruction | DockerfileError)[] {
  return lines.map((line) => {
    try {
      return parsed(line.range.first, [line.range], () => readInstruction(line, escape));
    } catch (error) {
      if (!(error instanceof DockerfileError) || error instanceof LineError) throw error;
      return error;
    }
  });
}

/** Reads one trigger of a base image as an instruction that stands where the FROM does. */
export function parseTrigger(
  trigger: string,
  from: FromInstruction,
): Exclude<Instruction, FromInstruction> {
  const { lines, escape } = readLogicalLines(Buffer.from(trigger));
  const [line, ...others] = lines;
  if (line === undefined || others.length > 0) {
    throw new DockerfileError("onbuild trigger should be a single expression", [from.range]);
  }
  const placed = { ...line, range: from.range };
  const instruction = parsed(from.range.first, [from.range], () => readInstruction(placed, escape));
  if (instruction.kind === "FROM" || instruction.kind === "ONBUILD") {
    throw new DockerfileError(`${instruction.kind} isn't allowed as an ONBUILD trigger`, [
      from.range,
    ]);
  }
  return instruction;
}

function parsed<Result>(
  line: number,
  ranges: DockerfileError["ranges"],
  read: () => Result,
): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InstructionFault)) throw error;
    if (error instanceof LineFault) throw new LineError(error.message, ranges);
    throw new DockerfileError(`dockerfile parse error on line ${line}: ${error.message}`, ranges);
  }
}
