import { DuetError } from "../errors.ts";
import { compileAutomaton, type PatternPart } from "./automaton.ts";
import { patternInvalid, readOne } from "./match.ts";

/** Tells what a list of patterns leaves out. Paths are relative, without a slash at either end. */
export interface IgnoreMatcher {
  /** By the last pattern that speaks of the path or of a folder above it. */
  ignores(path: string): boolean;
  /** Whether everything in a folder is left out, so that nobody needs to look into it. */
  canSkip(folder: string): boolean;
}

const mostPatterns = 100_000;
const longestPattern = 4_096;

/** The patterns in a .dockerignore file, cleaned: no comments, no empty lines, no slash at either end. */
export function ignorePatterns(content: Buffer): readonly string[] {
  const text = content.toString("utf8").replace(/^\uFEFF/, "");
  const patterns: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) continue;
    const trimmed = line.trim();
    if (trimmed === "") continue;
    const isException = trimmed.startsWith("!");
    const path = (isException ? trimmed.slice(1) : trimmed).trim();
    const cleaned = path === "" ? "" : clean(path);
    const plain = cleaned.length > 1 && cleaned.startsWith("/") ? cleaned.slice(1) : cleaned;
    patterns.push(isException ? `!${plain}` : plain);
    if (patterns.length > mostPatterns) {
      throw new DuetError("too-large", "TOO_MANY_PATTERNS", `over ${mostPatterns} ignore patterns`);
    }
  }
  return patterns;
}

interface Rule {
  readonly isException: boolean;
  /** Also what is in a folder that it matches. */
  readonly matches: (path: string) => boolean;
  /** What every path that it matches begins with. */
  readonly prefix: string;
}

/**
 * moby's patternmatcher: as Go's filepath.Match, but `**` matches any number of folders; `!` takes in again; later
 * patterns win; a pattern that matches a folder matches all in it. Throws `invalid` PATTERN_INVALID.
 */
export function compileIgnore(patterns: readonly string[]): IgnoreMatcher {
  const rules = patterns.flatMap((pattern) => ruleOf(pattern));
  const exceptions = rules.filter(({ isException }) => isException);
  const ignores = (path: string): boolean => {
    let ignored = false;
    for (const { isException, matches } of rules) {
      if (isException === ignored && matches(path)) ignored = !isException;
    }
    return ignored;
  };
  return {
    ignores,
    canSkip: (folder) => {
      if (!ignores(folder)) return false;
      const below = `${folder}/`;
      return !exceptions.some(({ prefix }) => below.startsWith(prefix) || prefix.startsWith(below));
    },
  };
}

function ruleOf(given: string): readonly Rule[] {
  const trimmed = given.trim();
  if (trimmed === "") return [];
  const isException = trimmed.startsWith("!");
  if (trimmed === "!") throw illegalException();
  const pattern = clean(isException ? trimmed.slice(1) : trimmed);
  if (pattern.length > longestPattern) throw patternInvalid(pattern);
  const parts = partsOf(pattern);
  const wild = parts.findIndex(({ kind }) => kind !== "character");
  const fixed = wild < 0 ? parts : parts.slice(0, wild);
  const prefix = fixed.map((part) => (part.kind === "character" ? part.character : "")).join("");
  return [{ isException, matches: compileAutomaton(parts, true), prefix }];
}

function partsOf(pattern: string): readonly PatternPart[] {
  const characters = Array.from(pattern);
  const parts: PatternPart[] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index]!;
    if (character === "*" && characters[index + 1] === "*") {
      index += 1;
      while (characters[index + 1] === "*") index += 1;
      const isFolder = characters[index + 1] === "/";
      if (isFolder) index += 1;
      const isLast = index + 1 >= characters.length;
      parts.push({ kind: isLast || !isFolder ? "all" : "folders" });
    } else if (character === "*") parts.push({ kind: "some" });
    else {
      const read = readOne(characters, index, pattern);
      parts.push(read.part);
      index = read.last;
    }
  }
  return parts;
}

function illegalException(): DuetError {
  return new DuetError("invalid", "PATTERN_INVALID", 'illegal exclusion pattern: "!"');
}

/** Go's filepath.Clean. */
function clean(path: string): string {
  const absolute = path.startsWith("/");
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!absolute) kept.push("..");
  }
  const joined = kept.join("/");
  return absolute ? `/${joined}` : joined === "" ? "." : joined;
}
