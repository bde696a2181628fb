import { DuetError } from "../../kit/errors.ts";

/** Gives the permissions (07777) that a file or folder gets, from those that it had. */
export type ModeChange = (mode: number, isFolder: boolean) => number;

const who: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o7, a: 0o6777 };
const permissions: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111 };
const everybody = 0o6777;

/** `0755`, or chmod(1)'s words such as `u=rwX,go=rX`. Throws `invalid` MODE_INVALID. */
export function parseMode(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text)) {
    const fixed = Number.parseInt(text, 8);
    if (fixed <= 0o7777) return () => fixed;
  }
  const clauses = text.split(",").map((clause) => parseClause(clause, text));
  return (mode, isFolder) =>
    clauses.reduce((before, apply) => apply({ before, mode, isFolder }), mode);
}

/** BSD's setmode(3), by which BuildKit reads them. */
function parseClause(clause: string, whole: string): (given: Given) => number {
  const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause);
  if (match === null || clause.length > 64) throw modeInvalid(whole);
  const [, names = "", actions = ""] = match;
  const named = Array.from(names).reduce((sum, name) => sum | who[name]!, 0);
  // The bits of others alone are neither set-id nor sticky.
  const isSpecial = named === 0 || (named & ~0o7) !== 0;
  const steps = [...actions.matchAll(/([-+=])([rwxXstugo]*)/g)];
  return (given) =>
    steps.reduce((before, [, operator = "", letters = ""]) => {
      const isSticky = isSpecial && letters.includes("t");
      // Without names, `t` is for the sticky bit alone, whatever stands beside it.
      const mask = named === 0 ? (isSticky ? 0o1000 : everybody) : named | (isSticky ? 0o1000 : 0);
      const bits = bitsOf(letters, { ...given, before }) & mask & (isSpecial ? 0o7777 : 0o777);
      if (operator === "+") return before | bits;
      if (operator === "-") return before & ~bits;
      return (before & ~(/^[ugo]+$/.test(letters) ? mask & 0o777 : mask)) | bits;
    }, given.before);
}

interface Given {
  /** As what stands before has made it. */
  readonly before: number;
  /** As it was at first. */
  readonly mode: number;
  readonly isFolder: boolean;
}

function bitsOf(letters: string, { before, mode, isFolder }: Given): number {
  let bits = 0;
  for (const letter of letters) {
    if (letter === "X") bits |= isFolder || (mode & 0o111) !== 0 ? 0o111 : 0;
    else if (letter === "s") bits |= 0o6000;
    else if (letter === "t") bits |= 0o1000;
    else if (letter === "u") bits |= copied((before >> 6) & 7);
    else if (letter === "g") bits |= copied((before >> 3) & 7);
    else if (letter === "o") bits |= copied(before & 7);
    else bits |= permissions[letter]!;
  }
  return bits;
}

function copied(bits: number): number {
  return (bits << 6) | (bits << 3) | bits;
}

function modeInvalid(text: string): DuetError {
  return new DuetError(
    "invalid",
    "MODE_INVALID",
    `invalid chmod parameter: ${JSON.stringify(text.slice(0, 80))}. it should be octal string and between 0 and 07777, or words such as u=rwX,go=rX`,
  );
}
