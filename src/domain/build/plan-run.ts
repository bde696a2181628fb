import type { ImageProcess } from "../image.ts";
import { inShell } from "./configure.ts";
import { InstructionFault } from "./dockerfile-error.ts";
import { chomped, heredocOf } from "./heredoc.ts";
import type { RunInstruction } from "./instruction.ts";
import type { FilesFrom, InlineFile, RunMount, RunOperation } from "./operation.ts";
import { cleanPath } from "./paths.ts";
import { readMount, type WrittenMount } from "./run-mount.ts";
import type { Variables } from "./shell-words.ts";

/** What RUN needs to know of its stage. */
export interface RunScope {
  readonly process: ImageProcess;
  /** Environment and arguments. */
  readonly variables: Variables;
  readonly parameters: readonly (readonly [name: string, value: string | null])[];
  /** Predefined proxy arguments, which need not be declared. */
  readonly proxies: readonly (readonly [string, string])[];
  readonly network: "default" | "none" | "host";
  expandWord(word: string): string;
  filesFrom(name: string): FilesFrom;
}

export interface PlannedRun {
  readonly operation: RunOperation;
  /** BuildKit's `created_by`. */
  readonly createdBy: string;
  /** The instruction for display, with a word of its here-document. */
  readonly text: string;
}

/** Throws InstructionFault. */
export function planRun(instruction: RunInstruction, scope: RunScope): PlannedRun {
  const { process, variables } = scope;
  const { command, files } = commandOf(instruction);
  const argv = inShell(process, { words: command, isShell: instruction.command.isShell });
  const mounts = mountsOf(instruction, scope);
  const environment = new Map(variables);
  const uncountedEnv: string[] = [];
  for (const [name, value] of scope.proxies) {
    if (environment.has(name)) continue;
    environment.set(name, value);
    uncountedEnv.push(name);
  }
  const agent = mounts.find((mount) => mount.kind === "ssh");
  if (agent !== undefined && !environment.has("SSH_AUTH_SOCK")) {
    environment.set("SSH_AUTH_SOCK", agent.target);
  }
  const operation: RunOperation = {
    kind: "run",
    argv,
    files,
    env: [...environment].map(([name, value]) => `${name}=${value}`),
    uncountedEnv,
    workingDirectory: cleanPath(process.workingDirectory),
    user: process.user,
    mounts,
    network: instruction.network ?? scope.network,
    security: instruction.security,
  };
  const summary = summaryOf(instruction);
  return {
    operation,
    createdBy: `RUN ${[...parameterTexts(scope), ...argv].join(" ")} # buildkit`,
    text: summary === null ? instruction.text : `${instruction.text} (${summary})`,
  };
}

/** What BuildKit makes of here-documents: the shell's script, a file to be run, or a text that the shell reads itself. */
function commandOf(instruction: RunInstruction): {
  readonly command: readonly string[];
  readonly files: readonly InlineFile[];
} {
  const { words, isShell } = instruction.command;
  const [first] = instruction.heredocs;
  if (first === undefined) return { command: words, files: [] };
  const [text, ...others] = words;
  if (text === undefined || others.length > 0 || !isShell) {
    throw new InstructionFault(
      `parsing produced an invalid run command: [${words.join(" ").slice(0, 200)}]`,
    );
  }
  if (!isHeredocAlone(text)) {
    const bodies = instruction.heredocs.map(({ content, name }) => `\n${content}${name}`);
    return { command: [text + bodies.join("")], files: [] };
  }
  const script = chomped(first);
  if (!script.startsWith("#!")) return { command: [script], files: [] };
  const file = { name: first.name, content: Buffer.from(script) };
  return { command: [`/dev/pipes/${file.name}`], files: [file] };
}

function isHeredocAlone(text: string): boolean {
  return heredocOf(text) !== undefined;
}

function summaryOf(instruction: RunInstruction): string | null {
  const [first] = instruction.heredocs;
  const [text = ""] = instruction.command.words;
  if (first === undefined || !isHeredocAlone(text)) return null;
  const trimmed = first.content.trim();
  const end = trimmed.search(/\r?\n/);
  return end < 0 ? trimmed : `${trimmed.slice(0, end)}...`;
}

/** `|1 A=b` for the arguments that were declared. */
function parameterTexts(scope: RunScope): readonly string[] {
  const values = new Map(
    scope.parameters.map(([name, value]) => [name, scope.variables.get(name) ?? value ?? ""]),
  );
  if (values.size === 0) return [];
  return [`|${values.size}`, ...[...values].map(([name, value]) => `${name}=${value}`)];
}

function mountsOf(instruction: RunInstruction, scope: RunScope): readonly RunMount[] {
  let agents = 0;
  return instruction.mounts.map((text) => {
    const mount = readMount(text, (word) => scope.expandWord(word));
    if (mount.type === "ssh") {
      agents += 1;
      return sshMount(mount, agents - 1);
    }
    return mount.type === "secret" ? secretMount(mount) : treeMount(mount, scope);
  });
}

function secretMount(mount: WrittenMount): RunMount {
  const id = mount.source || mount.id || baseName(mount.target);
  const fallback = mount.variable === null ? `/run/secrets/${baseName(id)}` : null;
  return {
    kind: "secret",
    id,
    target: mount.target === "" ? fallback : cleanPath(mount.target),
    variable: mount.variable,
    required: mount.required,
    mode: mount.mode ?? 0o400,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

function sshMount(mount: WrittenMount, index: number): RunMount {
  return {
    kind: "ssh",
    id: mount.id === "" ? "default" : mount.id,
    target: mount.target === "" ? `/run/buildkit/ssh_agent.${index}` : cleanPath(mount.target),
    required: mount.required,
    mode: mount.mode ?? 0o600,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

function treeMount(mount: WrittenMount, scope: RunScope): RunMount {
  const { workingDirectory } = scope.process;
  const isAbsolute = mount.target.startsWith("/");
  const target = cleanPath(isAbsolute ? mount.target : `${workingDirectory}/${mount.target}`);
  if (target === "/") throw new InstructionFault(`invalid mount target "/"`);
  if (mount.type === "tmpfs") return { kind: "tmpfs", target, size: mount.size };
  const source = cleanPath(mount.source).slice(1) || ".";
  if (mount.type === "bind") {
    const from: FilesFrom =
      mount.from === "" ? { kind: "context", name: "" } : scope.filesFrom(mount.from);
    return { kind: "bind", from, source, target, writable: !mount.readonly };
  }
  const isEmpty = mount.from === "" || mount.from === "scratch";
  return {
    kind: "cache",
    id: mount.id === "" ? target : mount.id,
    target,
    sharing: mount.sharing ?? "shared",
    readonly: mount.readonly,
    from: isEmpty ? null : scope.filesFrom(mount.from),
    source,
    mode: mount.mode ?? 0o755,
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
  };
}

function baseName(path: string): string {
  return path.split("/").findLast((part) => part !== "") ?? path;
}
