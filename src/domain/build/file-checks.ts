import { parsePlatform } from "../platform.ts";
import { parseReference } from "../reference.ts";
import type { Checks } from "./checks.ts";
import type { Dockerfile } from "./dockerfile.ts";
import type { FromInstruction, Instruction } from "./instruction.ts";
import { expand, type Expanded, type Variables } from "./shell-words.ts";
import { suggestion } from "./suggest.ts";

/** The rules that need no more than the text of the file. */
export function checkFile(file: Dockerfile, checks: Checks): void {
  for (const line of file.emptyContinuations) {
    checks.warn("NoEmptyContinuation", "Empty continuation line", [{ first: line, last: line }]);
  }
  for (const { from, instructions } of file.stages) {
    checkFrom(from, checks);
    for (const instruction of instructions) {
      if (instruction.kind !== "MAINTAINER") continue;
      const detail = "Maintainer instruction is deprecated in favor of using label";
      checks.warn("MaintainerDeprecated", detail, [instruction.range]);
    }
  }
  checkDescriptions(file, checks);
  checkStageNames(file, checks);
  checkCasing(file, checks);
}

function checkFrom(from: FromInstruction, checks: Checks): void {
  if (from.written === null) return;
  const { as, stage } = from.written;
  if (stage !== stage.toLowerCase()) {
    checks.warn("StageNameCasing", `Stage name '${stage}' should be lowercase`, [from.range]);
  }
  if (isLower(from.word) === isLower(as) && isUpper(from.word) === isUpper(as)) return;
  if (!isLower(from.word) && !isUpper(from.word)) return;
  const detail = `'${as}' and '${from.word}' keywords' casing do not match`;
  checks.warn("FromAsCasing", detail, [from.range]);
}

function isLower(text: string): boolean {
  return text === text.toLowerCase();
}

function isUpper(text: string): boolean {
  return text === text.toUpperCase();
}

function checkStageNames(file: Dockerfile, checks: Checks): void {
  const seen = new Set<string>();
  for (const { from } of file.stages) {
    if (from.stage === null) continue;
    const shown = JSON.stringify(from.stage);
    if (from.stage === "context" || from.stage === "scratch") {
      const detail = `Stage name should not use the same name as reserved stage ${shown}`;
      checks.warn("ReservedStageName", detail, [from.range]);
    }
    if (seen.has(from.stage)) {
      const detail = `Duplicate stage name ${shown}, stage names should be unique`;
      checks.warn("DuplicateStageName", detail, [from.range]);
    }
    seen.add(from.stage);
  }
}

function checkCasing(file: Dockerfile, checks: Checks): void {
  const all: readonly Instruction[] = file.stages.flatMap((stage) => [
    stage.from,
    ...stage.instructions,
  ]);
  const lower = all.filter(({ word }) => isLower(word)).length;
  const upper = all.filter(({ word }) => isUpper(word) && !isLower(word)).length;
  const isMostlyLower = lower > upper;
  for (const { word, range } of all) {
    if (isMostlyLower ? isLower(word) : isUpper(word)) continue;
    const casing = isMostlyLower ? "lowercase" : "uppercase";
    const detail = `Command '${word}' should match the case of the command majority (${casing})`;
    checks.warn("ConsistentInstructionCasing", detail, [range]);
  }
}

function checkDescriptions(file: Dockerfile, checks: Checks): void {
  const check = (instruction: Instruction, names: readonly string[]): void => {
    const described = instruction.comments.at(-1)?.split(" ", 1)[0];
    if (described === undefined || names.length === 0 || names.includes(described)) return;
    const name = names.length > 1 ? "<arg_key>" : names[0]!;
    const detail = `Comment for ${instruction.kind} should follow the format: \`# ${name} <description>\``;
    checks.warn("InvalidDefinitionDescription", detail, [instruction.range]);
  };
  const all = file.stages.flatMap(({ from, instructions }) => [from, ...instructions]);
  for (const instruction of [...file.globalArguments, ...all]) {
    if (instruction.kind === "FROM") {
      check(instruction, instruction.stage === null ? [] : [instruction.stage]);
    } else if (instruction.kind === "ARG") {
      check(
        instruction,
        instruction.parameters.map(({ name }) => name),
      );
    }
  }
}

/** Whether each FROM names an image though no build argument is given. */
export function checkDefaultBases(file: Dockerfile, variables: Variables, checks: Checks): void {
  for (const { from } of file.stages) {
    try {
      parseReference(expand(from.base, variables, { escape: file.escape }).text);
    } catch {
      const detail = `Default value for ARG ${from.base} results in empty or invalid base image name`;
      checks.warn("InvalidDefaultArgInFrom", detail, [from.range]);
    }
  }
}

export function checkFromVariables(
  unmatched: ReadonlySet<string>,
  variables: Variables,
  file: Dockerfile,
  from: FromInstruction,
  checks: Checks,
): void {
  const declared = new Set(variables.keys());
  for (const { parameters } of file.globalArguments) {
    for (const { name } of parameters) declared.add(name);
  }
  for (const name of unmatched) {
    if (declared.has(name)) continue;
    const found = suggestion(name, declared, true);
    const hint = found === "" ? "" : ` (did you mean ${found}?)`;
    const detail = `FROM argument '${name}' is not declared${hint}`;
    checks.warn("UndefinedArgInFrom", detail, [from.range]);
  }
}

/** FROM's --platform. */
export function checkPlatform(
  found: Expanded,
  variables: Variables,
  from: FromInstruction,
  checks: Checks,
): void {
  const { matched, unmatched, text } = found;
  if (matched.size === 0 && unmatched.size === 0) {
    checkConstantPlatform(text, from, checks);
    return;
  }
  const isTarget = matched.size === 1 && unmatched.size === 0 && matched.has("TARGETPLATFORM");
  if (!isTarget || text !== variables.get("TARGETPLATFORM")) return;
  const detail = `Setting platform to predefined ${from.platform} in FROM is redundant as this is the default behavior`;
  checks.warn("RedundantTargetPlatform", detail, [from.range]);
}

function checkConstantPlatform(text: string, from: FromInstruction, checks: Checks): void {
  try {
    const { os, architecture } = parsePlatform(text);
    const name = from.stage ?? "";
    if (name.includes(os) || name.includes(architecture)) return;
  } catch {
    return;
  }
  const detail = `FROM --platform flag should not use constant value ${JSON.stringify(text)}`;
  checks.warn("FromPlatformFlagConstDisallowed", detail, [from.range]);
}
