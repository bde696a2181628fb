import { isDigest } from "../digest.ts";
import type { ImageProcess } from "../image.ts";
import type { Checks } from "./checks.ts";
import { InstructionFault, quoted } from "./dockerfile-error.ts";
import { checkedCommit, parseGitUrl, type GitSource } from "./git-url.ts";
import { chomped, type Heredoc } from "./heredoc.ts";
import { compileIgnore } from "../../kit/patterns/ignore.ts";
import type { CopyInstruction } from "./instruction.ts";
import type { CopyOperation, CopySource, FilesFrom } from "./operation.ts";
import { cleanPath, destinationPath, sourcePath } from "./paths.ts";

/** What COPY and ADD need to know of their stage. */
export interface CopyScope {
  readonly process: ImageProcess;
  readonly checks: Checks;
  /** Of the main context, for the rule about files that are ignored. */
  readonly ignorePatterns: readonly string[];
  expandWord(word: string): string;
  /** For here-documents, in which quotes mean nothing. */
  expandText(text: string): string;
  filesFrom(name: string): FilesFrom;
}

export interface PlannedCopy {
  readonly operation: CopyOperation;
  /** BuildKit's `created_by`. */
  readonly createdBy: string;
}

/** Throws InstructionFault with BuildKit's messages. */
export function planCopy(instruction: CopyInstruction, scope: CopyScope): PlannedCopy {
  const { kind, parents } = instruction;
  const one = (word: string): string => scope.expandWord(word);
  const written = {
    chown: one(instruction.chown),
    chmod: one(instruction.chmod),
    checksum: one(instruction.checksum),
    sources: instruction.sources.map(one),
    destination: one(instruction.destination),
  };
  checkMode(written.chmod);
  if (written.checksum !== "") checkChecksum(written.sources);
  const from = instruction.from === "" ? mainContext : scope.filesFrom(instruction.from);
  const reading = { instruction, scope, from, checksum: written.checksum };
  const sources: CopySource[] = [
    ...written.sources.map((source) => sourceOf(source, reading)),
    ...instruction.heredocs.map((heredoc) => inlineSource(heredoc, scope)),
  ];
  const flags = [
    parents ? ["--parents"] : [],
    written.chown === "" ? [] : [`--chown=${written.chown}`],
    written.chmod === "" ? [] : [`--chmod=${written.chmod}`],
  ].flat();
  const names = instruction.heredocs.map(({ name }) => `<<${name}`);
  const words = [kind, ...flags, ...written.sources, ...names, written.destination];
  return {
    operation: {
      kind: "copy",
      sources,
      destination: destinationPath(scope.process.workingDirectory, written.destination),
      owner: written.chown === "" ? null : written.chown,
      mode: written.chmod === "" ? null : written.chmod,
      link: instruction.link,
      parents,
      exclude: instruction.exclude.map(one),
    },
    createdBy: `${words.join(" ")} # buildkit`,
  };
}

const mainContext: FilesFrom = { kind: "context", name: "" };

interface Reading {
  readonly instruction: CopyInstruction;
  readonly scope: CopyScope;
  readonly from: FilesFrom;
  readonly checksum: string;
}

function sourceOf(source: string, reading: Reading): CopySource {
  const { instruction, from, checksum } = reading;
  const isAdd = instruction.kind === "ADD";
  const git = parseGitUrl(source);
  if (git !== undefined) {
    if (!isAdd) throw new InstructionFault("source can't be a git ref for COPY");
    return gitSource(git, instruction, checksum);
  }
  if (/^https?:\/\//.test(source)) {
    if (!isAdd) throw new InstructionFault("source can't be a URL for COPY");
    if (!URL.canParse(source)) throw new InstructionFault(`invalid URL ${quoted(source)}`);
    if (checksum !== "" && !isDigest(checksum)) {
      const isLength = /^sha256:[\da-f]*$/.test(checksum);
      throw new InstructionFault(`invalid checksum digest ${isLength ? "length" : "format"}`);
    }
    const unpack = instruction.unpack ?? false;
    return { kind: "url", url: source, checksum: checksum === "" ? null : checksum, unpack };
  }
  checkIgnored(source, reading);
  const unpack = instruction.unpack ?? isAdd;
  return { kind: "files", from, path: treePath(source, instruction.parents), unpack };
}

/** With `--parents`, `/./` parts what is left out from what is kept. */
function treePath(source: string, parents: boolean): string {
  const pivot = parents ? source.indexOf("/./") : -1;
  if (pivot < 0) return sourcePath(source);
  return `${sourcePath(source.slice(0, pivot))}/./${sourcePath(source.slice(pivot + 3))}`;
}

function gitSource(git: GitSource, instruction: CopyInstruction, checksum: string): CopySource {
  const { keepGitFolder } = instruction;
  if (keepGitFolder !== null && git.keepGitFolder !== null && keepGitFolder !== git.keepGitFolder) {
    throw new InstructionFault("inconsistent keep-git-dir configuration");
  }
  if (checksum !== "" && git.checksum !== null && checksum !== git.checksum) {
    throw new InstructionFault(`checksum mismatch ${quoted(checksum)} != ${quoted(git.checksum)}`);
  }
  const demanded = git.checksum ?? (checksum === "" ? null : checkedCommit(checksum));
  return {
    kind: "git",
    url: git.url,
    ref: git.ref,
    subdirectory: git.subdirectory,
    keepGitFolder: git.keepGitFolder ?? keepGitFolder ?? false,
    submodules: git.submodules,
    checksum: demanded,
  };
}

function inlineSource(heredoc: Heredoc, scope: CopyScope): CopySource {
  const content = heredoc.expand ? scope.expandText(chomped(heredoc)) : chomped(heredoc);
  return { kind: "inline", file: { name: heredoc.name, content: Buffer.from(content) } };
}

const symbolicMode =
  /^[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*$/;

function checkMode(mode: string): void {
  if (mode === "" || /^0*[0-7]{1,4}$/.test(mode)) return;
  if (/^\d/.test(mode)) {
    throw new InstructionFault(
      `invalid chmod parameter: '${mode.slice(0, 100)}'. it should be octal string and between 0 and 07777`,
    );
  }
  if (mode.length > 100 || !symbolicMode.test(mode)) {
    throw new InstructionFault("invalid syntax");
  }
}

function checkChecksum(sources: readonly string[]): void {
  const [source, ...others] = sources;
  if (source === undefined || others.length > 0) {
    throw new InstructionFault("checksum can't be specified for multiple sources");
  }
  if (parseGitUrl(source) === undefined && !/^https?:\/\//.test(source)) {
    throw new InstructionFault("checksum requires HTTP(S) or Git sources");
  }
}

function checkIgnored(source: string, { instruction, scope }: Reading): void {
  const patterns = scope.ignorePatterns;
  if (instruction.from !== "" || patterns.length === 0) return;
  if (patterns.some((pattern) => pattern.startsWith("!"))) return;
  const path = sourcePath(source);
  const isIgnored =
    path === "."
      ? patterns.some((pattern) => ["*", "**", "**/*"].includes(pattern))
      : compileIgnore(patterns).ignores(path);
  if (!isIgnored) return;
  const verb = instruction.kind === "ADD" ? "Add" : "Copy";
  const shown = source.startsWith("/") ? cleanPath(source) : path;
  const detail = `Attempting to ${verb} file ${quoted(shown)} that is excluded by .dockerignore`;
  scope.checks.warn("CopyIgnoredFile", detail, [instruction.range]);
}
