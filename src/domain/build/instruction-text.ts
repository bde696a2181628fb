import { trimLeft } from "./blanks.ts";
import { InstructionFault, LineFault, quoted } from "./dockerfile-error.ts";

/** The first word of an instruction, as written, and what follows it. */
export function instructionWord(text: string): { readonly name: string; readonly rest: string } {
  const line = trimLeft(text).trimEnd();
  const blank = line.search(/[\t\v\f\r ]/);
  if (blank < 0) return { name: line, rest: "" };
  return { name: line.slice(0, blank), rest: line.slice(blank).trimStart() };
}

const isBlank = /^\s$/u;

/**
 * Takes the flags `--name=value` off the beginning of an instruction's arguments. Quotes and backslashes are
 * taken out of them.
 */
export function takeFlags(text: string): {
  readonly flags: readonly string[];
  readonly rest: string;
} {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isBlank.test(text[at]!)) at += 1;
    if (!text.startsWith("--", at)) return { flags, rest: text.slice(at).trim() };
    const { word, end } = flagAt(text, at);
    at = end;
    if (word === "--") return { flags, rest: text.slice(at).trim() };
    flags.push(word);
  }
}

function flagAt(text: string, from: number): { readonly word: string; readonly end: number } {
  const word: string[] = [];
  let quote = "";
  let at = from;
  for (; at < text.length; at += 1) {
    let character = text[at]!;
    if (quote === "" && isBlank.test(character)) break;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else {
      if (character === "\\") {
        at += 1;
        if (at >= text.length) break;
        character = text[at]!;
      }
      word.push(character);
    }
  }
  return { word: word.join(""), end: at };
}

/** Words parted by blanks that are neither quoted nor escaped; quotes and escapes stay. */
export function splitWords(text: string, escape: string): readonly string[] {
  const words: string[] = [];
  let word: string[] = [];
  let isWord = false;
  let quote = "";
  const end = (): void => {
    if (isWord || word.length > 0) words.push(word.join(""));
    word = [];
    isWord = false;
  };
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at]!;
    if (quote === "" && isBlank.test(character)) {
      end();
      continue;
    }
    if (character === escape && quote !== "'") {
      if (at + 1 === text.length) break;
      word.push(character, text[at + 1]!);
      at += 1;
      continue;
    }
    if (quote === "" && (character === "'" || character === '"')) {
      quote = character;
      isWord = true;
    } else if (character === quote) quote = "";
    word.push(character);
  }
  end();
  return words;
}

/** Words parted by blanks, whatever quotes there are. */
export function fields(text: string): readonly string[] {
  return text === "" ? [] : text.split(/[\t\v\f\r ]+/);
}

/**
 * The words of `["a", "b"]`; undefined where it is no array in JSON, which the shell may still understand.
 * Throws InstructionFault where it holds something else than texts.
 */
export function readJsonWords(text: string): readonly string[] | undefined {
  const trimmed = text.trimStart();
  if (!trimmed.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const words: readonly unknown[] = value;
  if (!words.every((word) => typeof word === "string")) {
    throw new LineFault("when using JSON array syntax, arrays must be comprised of strings only");
  }
  return words;
}

export interface Pair {
  readonly name: string;
  readonly value: string;
  /** Written as `NAME value`, without `=`. */
  readonly isLegacy: boolean;
}

/** `A=b C=d`, or the old form `A b c`. */
export function readPairs(instruction: string, text: string, escape: string): readonly Pair[] {
  const words = splitWords(text, escape);
  const [first] = words;
  if (first === undefined) {
    throw new InstructionFault(`${instruction} requires at least one argument`);
  }
  if (!first.includes("=")) {
    const blank = /[\t\v\f\r ]+/.exec(text);
    if (blank === null) throw new LineFault(`${instruction} must have two arguments`);
    const name = text.slice(0, blank.index);
    return [{ name, value: text.slice(blank.index + blank[0].length), isLegacy: true }];
  }
  return words.map((word) => {
    const at = word.indexOf("=");
    if (at < 0) {
      throw new LineFault(
        `Syntax error - can't find = in ${quoted(word)}. Must be of the form: name=value`,
      );
    }
    if (at === 0) throw new InstructionFault(`${instruction} names can not be blank`);
    return { name: word.slice(0, at), value: word.slice(at + 1), isLegacy: false };
  });
}
