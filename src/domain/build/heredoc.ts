import { InstructionFault } from "./dockerfile-error.ts";
import { expand } from "./shell-words.ts";
import { instructionWord, readJsonWords } from "./instruction-text.ts";

/** `<<NAME` with the lines up to NAME. */
export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** Whether variables are replaced in it: no part of its name is quoted. */
  readonly expand: boolean;
  /** `<<-`: tabs at the beginnings of lines are left out. */
  readonly chomp: boolean;
}

const takesHeredocs = new Set(["ADD", "COPY", "RUN"]);
const lexing = { escape: "\\", rawQuotes: true, rawEscapes: true, skipUnset: true };
const none = new Map<string, string>();

/** The here-documents that an instruction begins, their content yet to be read. */
export function heredocsIn(text: string): readonly Heredoc[] {
  if (!text.includes("<<")) return [];
  let { name, rest } = instructionWord(text);
  if (name.toUpperCase() === "ONBUILD") ({ name, rest } = instructionWord(rest));
  if (!takesHeredocs.has(name.toUpperCase()) || readJsonWords(withoutFlags(rest)) !== undefined) {
    return [];
  }
  return wordsOf(text).flatMap((word) => {
    const heredoc = parseHeredoc(word);
    return heredoc === undefined ? [] : [heredoc];
  });
}

/** BuildKit looks no further where the line itself can't be read. */
function wordsOf(text: string): readonly string[] {
  try {
    return expand(text, none, lexing).words;
  } catch {
    return [];
  }
}

function withoutFlags(text: string): string {
  return text.replace(/^(?:--\S+\s+)+/, "");
}

/** Reads `<<NAME`, `3<<-"NAME"`; undefined for another word. */
export function parseHeredoc(word: string): Heredoc | undefined {
  const match = /^\d*<<(-?)([^<]*)$/.exec(word);
  const name = match?.[2]?.trimStart() ?? "";
  if (match === null || name === "") return undefined;
  const plain = expand(name, none, { escape: "\\", skipUnset: true }).words;
  const [raw] = expand(name, none, { escape: "\\", skipUnset: true, rawQuotes: true }).words;
  const [only] = plain;
  if (plain.length !== 1 || only === undefined || raw === undefined) return undefined;
  return {
    name: only,
    content: "",
    expand: quotesIn(only) === quotesIn(raw),
    chomp: match[1] === "-",
  };
}

/** The same, where nothing is said of a word that cannot be read. */
export function heredocOf(word: string): Heredoc | undefined {
  try {
    return parseHeredoc(word);
  } catch (error) {
    if (error instanceof InstructionFault) return undefined;
    throw error;
  }
}

function quotesIn(text: string): number {
  return Array.from(text).filter((character) => character === "'" || character === '"').length;
}

/** Its content without the tabs that `<<-` leaves out. */
export function chomped(heredoc: Heredoc): string {
  return heredoc.chomp ? heredoc.content.replaceAll(/^\t+/gm, "") : heredoc.content;
}
