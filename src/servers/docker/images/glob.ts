import { invalid } from "../failures.ts";

/** One character of a pattern: a star, or a test of the text's character. */
type Piece = "star" | ((character: string) => boolean);

/**
 * Go's path.Match: `*` and `?` do not cross a slash, `[a-c]` and `[^a-c]` are classes, `\` escapes.
 * Never backtracks over more than one star. Throws `invalid` for a pattern that makes no sense.
 */
export function globMatches(pattern: string, text: string): boolean {
  const pieces = parse(Array.from(pattern));
  const characters = Array.from(text);
  let at = 0;
  let position = 0;
  let star = -1;
  let resume = 0;
  while (position < characters.length) {
    const piece = pieces[at];
    if (piece === "star") {
      star = at;
      resume = position;
      at += 1;
    } else if (piece?.(characters[position]!) === true) {
      at += 1;
      position += 1;
    } else if (star >= 0 && characters[resume] !== "/") {
      resume += 1;
      position = resume;
      at = star + 1;
    } else return false;
  }
  while (pieces[at] === "star") at += 1;
  return at === pieces.length;
}

function parse(pattern: readonly string[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < pattern.length; at += 1) {
    const character = pattern[at]!;
    if (character === "*") pieces.push("star");
    else if (character === "?") pieces.push((other) => other !== "/");
    else if (character === "[") {
      const { test, end } = parseClass(pattern, at + 1);
      pieces.push(test);
      at = end;
    } else {
      if (character === "\\") at += 1;
      const wanted = pattern[at] ?? malformed();
      pieces.push((other) => other === wanted);
    }
  }
  return pieces;
}

/** Reads from behind the opening bracket to `end`, where the closing one is. */
function parseClass(
  pattern: readonly string[],
  start: number,
): { readonly test: (character: string) => boolean; readonly end: number } {
  const isNegated = pattern[start] === "^";
  const ranges: (readonly [low: string, high: string])[] = [];
  let at = isNegated ? start + 1 : start;
  const next = (): string => {
    if (pattern[at] === "-" || pattern[at] === "]") malformed();
    if (pattern[at] === "\\") at += 1;
    const character = pattern[at] ?? malformed();
    at += 1;
    return character;
  };
  while (ranges.length === 0 || pattern[at] !== "]") {
    const low = next();
    if (pattern[at] !== "-") ranges.push([low, low]);
    else {
      at += 1;
      ranges.push([low, next()]);
    }
  }
  const test = (character: string): boolean =>
    character !== "/" &&
    ranges.some(([low, high]) => low <= character && character <= high) !== isNegated;
  return { test, end: at };
}

function malformed(): never {
  throw invalid("syntax error in pattern");
}
