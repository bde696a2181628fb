import { InstructionFault } from "./dockerfile-error.ts";

/**
 * Patterns of `${name#pattern}` and its like: `*`, `?` and `\` before either. A pattern is cut at its stars into
 * pieces without any; those are looked for one after the other, which needs no going back.
 */
interface ShellPattern {
  readonly pieces: readonly (readonly (string | null)[])[];
}

function parsePattern(text: string): ShellPattern {
  const pieces: (string | null)[][] = [[]];
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]!;
    if (character === "*") pieces.push([]);
    else if (character === "?") pieces.at(-1)!.push(null);
    else if (character === "\\") {
      const next = text[index + 1] ?? "";
      if (next === "}" || next === "/") continue;
      if (next !== "*" && next !== "?" && next !== "\\") {
        throw new InstructionFault(
          `invalid pattern (${text.slice(0, 200)}) in substitution: invalid escape '\\${next}'`,
        );
      }
      pieces.at(-1)!.push(next);
      index += 1;
    } else pieces.at(-1)!.push(character);
  }
  return { pieces };
}

function fits(value: string, at: number, piece: readonly (string | null)[]): boolean {
  if (at + piece.length > value.length) return false;
  for (let index = 0; index < piece.length; index += 1) {
    const wanted = piece[index]!;
    if (wanted !== null && wanted !== value[at + index]) return false;
  }
  return true;
}

function firstFit(value: string, from: number, piece: readonly (string | null)[]): number {
  for (let at = from; at + piece.length <= value.length; at += 1) {
    if (fits(value, at, piece)) return at;
  }
  return -1;
}

function lastFit(value: string, from: number, piece: readonly (string | null)[]): number {
  for (let at = value.length - piece.length; at >= from; at -= 1) {
    if (fits(value, at, piece)) return at;
  }
  return -1;
}

/** Where the match ends that begins at `start`; -1 where none does. */
function matchEnd(value: string, start: number, pattern: ShellPattern, longest: boolean): number {
  const [first, ...others] = pattern.pieces;
  if (!fits(value, start, first!)) return -1;
  let at = start + first!.length;
  for (const [index, piece] of others.entries()) {
    const isLast = index === others.length - 1;
    const found = isLast && longest ? lastFit(value, at, piece) : firstFit(value, at, piece);
    if (found < 0) return -1;
    at = found + piece.length;
  }
  return at;
}

/** `${name#pattern}` and, where `longest`, `${name##pattern}`. */
export function withoutPrefix(value: string, pattern: string, longest: boolean): string {
  const end = matchEnd(value, 0, parsePattern(pattern), longest);
  return end < 0 ? value : value.slice(end);
}

/** `${name%pattern}` and, where `longest`, `${name%%pattern}`. */
export function withoutSuffix(value: string, pattern: string, longest: boolean): string {
  const { pieces } = parsePattern(pattern);
  const mirrored = { pieces: pieces.map((piece) => piece.toReversed()).toReversed() };
  const backwards = Array.from(value).toReversed().join("");
  const end = matchEnd(backwards, 0, mirrored, longest);
  return end < 0 ? value : value.slice(0, value.length - end);
}

/** `${name/pattern/with}` and, where `all`, `${name//pattern/with}`. */
export function withReplaced(value: string, text: string, by: string, all: boolean): string {
  const pattern = parsePattern(text);
  const parts: string[] = [];
  let copied = 0;
  let from = 0;
  let previousEnd = -1;
  while (from <= value.length) {
    const start = firstFit(value, from, pattern.pieces[0]!);
    const end = start < 0 ? -1 : matchEnd(value, start, pattern, true);
    if (end < 0) break;
    if (end > start || end !== previousEnd) {
      parts.push(value.slice(copied, start), by);
      copied = end;
      previousEnd = end;
      if (!all) break;
    }
    from = end > start ? end : end + 1;
  }
  parts.push(value.slice(copied));
  return parts.join("");
}
