import type { ImageProcess } from "../image.ts";
import type { Checks } from "./checks.ts";
import type { CommandLine, Instruction } from "./instruction.ts";
import type { Variables } from "./shell-words.ts";
import { suggestion } from "./suggest.ts";

const secret = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmless = /(?:_|^)public(?:_|$)/i;

/** The rules that look at one instruction and the image that it changes. */
export function checkInstruction(
  instruction: Instruction,
  process: ImageProcess,
  checks: Checks,
): void {
  const ranges = [instruction.range];
  if (instruction.kind === "ENV" || instruction.kind === "LABEL") {
    const word = instruction.word;
    if (instruction.pairs.some((pair) => pair.isLegacy)) {
      const detail = `"${word} key=value" should be used instead of legacy "${word} key value" format`;
      checks.warn("LegacyKeyValueFormat", detail, ranges);
    }
  }
  if (instruction.kind === "ENV" || instruction.kind === "ARG") {
    const named = instruction.kind === "ARG" ? instruction.parameters : instruction.pairs;
    for (const { name } of named) {
      if (!secret.test(name) || harmless.test(name)) continue;
      const detail = `Do not use ARG or ENV instructions for sensitive data (${instruction.kind} ${JSON.stringify(name)})`;
      checks.warn("SecretsUsedInArgOrEnv", detail, ranges);
    }
  }
  if (instruction.kind === "CMD" || instruction.kind === "ENTRYPOINT") {
    checkShellForm(instruction.word, instruction.command, process, checks, ranges);
  }
}

/** The rule about the first WORKDIR, whose path is expanded. */
export function checkWorkdir(path: string, instruction: Instruction, checks: Checks): void {
  if (path.startsWith("/")) return;
  const shown = JSON.stringify(path);
  const detail = `Relative workdir ${shown} can have unexpected results if the base image changes`;
  checks.warn("WorkdirRelativePath", detail, [instruction.range]);
}

function checkShellForm(
  word: string,
  command: CommandLine,
  process: ImageProcess,
  checks: Checks,
  ranges: readonly Instruction["range"][],
): void {
  if (!command.isShell || (process.shell ?? []).length > 0) return;
  const detail = `JSON arguments recommended for ${word} to prevent unintended behavior related to OS signals`;
  checks.warn("JSONArgsRecommended", detail, ranges);
}

/** CMD, ENTRYPOINT and HEALTHCHECK count once in a stage; the range is that of the one that is lost. */
export function checkOnce(instructions: readonly Instruction[], checks: Checks): void {
  const last = new Map<string, Instruction>();
  for (const instruction of instructions) {
    const { kind } = instruction;
    if (kind !== "CMD" && kind !== "ENTRYPOINT" && kind !== "HEALTHCHECK") continue;
    const before = last.get(kind);
    if (before !== undefined) {
      const detail = `Multiple ${instruction.word} instructions should not be used in the same stage because only the last one will be used`;
      checks.warn("MultipleInstructionsDisallowed", detail, [before.range]);
    }
    last.set(kind, instruction);
  }
}

/** EXPOSE's words, expanded. */
export function checkPorts(
  words: readonly string[],
  instruction: Instruction,
  checks: Checks,
): void {
  for (const word of words) {
    const protocol = word.slice(word.lastIndexOf("/") + 1);
    if (word.includes("/") && protocol !== protocol.toLowerCase()) {
      const detail = `Defined protocol '${word}' in EXPOSE instruction should be lowercase`;
      checks.warn("ExposeProtoCasing", detail, [instruction.range]);
    }
    if (word.includes(":")) {
      const detail = `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`;
      checks.warn("ExposeInvalidFormat", detail, [instruction.range]);
    }
  }
}

/** Names that an instruction uses and nobody has set. */
export function undefinedVariables(
  unmatched: ReadonlySet<string>,
  parameters: readonly (readonly [name: string, value: string | null])[],
  variables: Variables,
  instruction: Instruction,
  checks: Checks,
): void {
  for (const name of unmatched) {
    if (parameters.some(([declared]) => declared === name)) continue;
    const found = suggestion(name, variables.keys(), true);
    const hint = found === "" ? "" : ` (did you mean $${found}?)`;
    checks.warn("UndefinedVar", `Usage of undefined variable '$${name}'${hint}`, [
      instruction.range,
    ]);
  }
}
