import { DuetError } from "../../kit/errors.ts";

/** Gives the permissions (07777) that a file or folder gets, from those that it had. */
export type ModeChange = (mode: number, isFolder: boolean) => number;

const who: Readonly<Record<string, number>> = { u: 0o4700, g: 0o2070, o: 0o1007 };
const permissions: Readonly<Record<string, number>> = { r: 0o444, w: 0o222, x: 0o111 };

/** `0755`, or chmod(1)'s words such as `u=rwX,go=rX`. Throws `invalid` MODE_INVALID. */
export function parseMode(text: string): ModeChange {
  if (/^[0-7]{1,5}$/.test(text)) {
    const fixed = Number.parseInt(text, 8);
    if (fixed <= 0o7777) return () => fixed;
  }
  const clauses = text.split(",").map((clause) => parseClause(clause, text));
  return (mode, isFolder) => clauses.reduce((before, apply) => apply(before, isFolder), mode);
}

function parseClause(clause: string, whole: string): ModeChange {
  const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause);
  if (match === null || clause.length > 64) throw modeInvalid(whole);
  const [, names = "", actions = ""] = match;
  const everyone = names === "" || names.includes("a");
  const mask = everyone ? 0o7777 : [...new Set(names)].reduce((sum, name) => sum | who[name]!, 0);
  const steps = [...actions.matchAll(/([-+=])([rwxXstugo]*)/g)];
  return (mode, isFolder) =>
    steps.reduce((before, [, operator, letters]) => {
      const bits = bitsOf(letters ?? "", before, isFolder) & mask;
      if (operator === "+") return before | bits;
      if (operator === "-") return before & ~bits;
      /* A folder keeps its set-id bits but where they are named (chmod(1)). */
      const kept = isFolder ? 0o6000 : 0;
      return (before & ~(mask & ~kept)) | bits;
    }, mode);
}

function bitsOf(letters: string, mode: number, isFolder: boolean): number {
  let bits = 0;
  for (const letter of letters) {
    if (letter === "X") bits |= isFolder || (mode & 0o111) !== 0 ? 0o111 : 0;
    else if (letter === "s") bits |= 0o6000;
    else if (letter === "t") bits |= 0o1000;
    else if (letter === "u") bits |= copied((mode >> 6) & 7);
    else if (letter === "g") bits |= copied((mode >> 3) & 7);
    else if (letter === "o") bits |= copied(mode & 7);
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
