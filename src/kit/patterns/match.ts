import { DuetError } from "../errors.ts";
import { compileAutomaton, type CharacterRange, type PatternPart } from "./automaton.ts";

const longestPattern = 4_096;

/**
 * Go's filepath.Match on Linux: `*` and `?` match no slash, `[a-z]` and `[^a-z]` one of or none of a set, `\` takes the
 * next character as it is. Throws `invalid` PATTERN_INVALID.
 */
export function compileMatch(pattern: string): (path: string) => boolean {
  if (pattern.length > longestPattern) throw patternInvalid(pattern);
  const characters = Array.from(pattern);
  const parts: PatternPart[] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index]!;
    if (character === "*") {
      if (parts.at(-1)?.kind !== "some") parts.push({ kind: "some" });
    } else {
      const read = readOne(characters, index, pattern);
      parts.push(read.part);
      index = read.last;
    }
  }
  return compileAutomaton(parts, false);
}

interface ReadPart {
  readonly part: PatternPart;
  readonly last: number;
}

/** What stands for one character, from `first` on, and the index where it ends: `?`, a set, `\` and any other. */
export function readOne(characters: readonly string[], first: number, pattern: string): ReadPart {
  const character = characters[first]!;
  if (character === "?") return { part: { kind: "one" }, last: first };
  if (character === "[") return readClass(characters, first, pattern);
  if (character !== "\\") return { part: { kind: "character", character }, last: first };
  const escaped = characters[first + 1];
  if (escaped === undefined) throw patternInvalid(pattern);
  return { part: { kind: "character", character: escaped }, last: first + 1 };
}

/** The set that begins at `first`, and the index of its `]`. */
function readClass(characters: readonly string[], first: number, pattern: string): ReadPart {
  let index = first + 1;
  const negated = characters[index] === "^";
  if (negated) index += 1;
  const one = (): string => {
    if (characters[index] === "\\") index += 1;
    const character = characters[index];
    if (character === undefined) throw patternInvalid(pattern);
    index += 1;
    return character;
  };
  const ranges: CharacterRange[] = [];
  while (ranges.length === 0 || characters[index] !== "]") {
    if (characters[index] === "-" || characters[index] === "]") throw patternInvalid(pattern);
    const low = one();
    if (characters[index] !== "-") ranges.push([low, low]);
    else {
      index += 1;
      if (characters[index] === "]" || characters[index] === "-") throw patternInvalid(pattern);
      ranges.push([low, one()]);
    }
  }
  return { part: { kind: "class", negated, ranges }, last: index };
}

export function patternInvalid(pattern: string): DuetError {
  const shown = JSON.stringify(pattern.slice(0, 200));
  return new DuetError("invalid", "PATTERN_INVALID", `syntax error in pattern ${shown}`);
}
