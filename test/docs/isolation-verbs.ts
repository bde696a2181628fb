import { readFileSync } from "node:fs";
import { join } from "node:path";

export const page = join(import.meta.dirname, "../../docs/isolation-verbs.md");

export interface Line {
  /** Words of a command line, quotes taken off. */
  readonly words: readonly string[];
  readonly container: string;
  readonly vm: string;
  /** A command inside, and what of its output is to be seen. */
  readonly shows: { readonly command: string; readonly output: string } | null;
}

/** The lines of all tables whose first column has that head. */
export function linesOf(head: "option" | "verb"): readonly Line[] {
  const lines: Line[] = [];
  let isInside = false;
  for (const text of readFileSync(page, "utf8").split("\n")) {
    const cells = text.split("|").map((cell) => cell.trim());
    if (cells.length < 4) isInside = false;
    else if (cells[1] === head) isInside = true;
    else if (isInside && !/^-+$/.test(cells[1] ?? "")) lines.push(lineOf(cells));
  }
  return lines;
}

function lineOf([, first = "", container = "", vm = "", shows = ""]: readonly string[]): Line {
  const match = /^`(.+)` → `(.+)`$/.exec(shows);
  return {
    words: wordsOf(first.slice(1, -1)),
    container,
    vm,
    shows: match === null ? null : { command: match[1]!, output: match[2]! },
  };
}

function wordsOf(text: string): readonly string[] {
  return [...text.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}
