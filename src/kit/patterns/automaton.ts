/** One part of a pattern. `repeat` parts may take any number of what they match, also none. */
export type PatternPart =
  | { readonly kind: "character"; readonly character: string }
  /** One of a set, or none of it where `negated`. */
  | {
      readonly kind: "class";
      readonly negated: boolean;
      readonly ranges: readonly CharacterRange[];
    }
  /** Any one but a slash. */
  | { readonly kind: "one" }
  /** Any number but of slashes. */
  | { readonly kind: "some" }
  /** Any number of anything. */
  | { readonly kind: "all" }
  /** Nothing, or anything that ends with a slash. */
  | { readonly kind: "folders" };

export type CharacterRange = readonly [first: string, last: string];

/**
 * Whether the parts match all of a path, or with `orFolder` also a folder that it is in, by following every way at
 * once: time grows with the lengths of pattern and path, whatever they are.
 */
export function compileAutomaton(
  parts: readonly PatternPart[],
  orFolder: boolean,
): (path: string) => boolean {
  const literal = parts.every(({ kind }) => kind === "character");
  if (!literal) return (path) => run(parts, path, orFolder);
  const wanted = parts.map((part) => (part.kind === "character" ? part.character : "")).join("");
  const below = `${wanted}/`;
  return (path) => path === wanted || (orFolder && path.startsWith(below));
}

/** State `n` of a run: the parts before the n-th are matched. `inside` holds those in the middle of a `folders`. */
function run(parts: readonly PatternPart[], text: string, orFolder: boolean): boolean {
  let states = new Uint8Array(parts.length + 1);
  let next = new Uint8Array(parts.length + 1);
  states[0] = outside;
  skipRepeats(parts, states);
  for (const character of text) {
    if (orFolder && character === "/" && isMatched(parts, states)) return true;
    next.fill(0);
    let any = false;
    for (let at = 0; at < parts.length; at += 1) {
      if (states[at] === 0) continue;
      any = step(parts[at]!, at, character, states[at]!, next) || any;
    }
    if (!any) return false;
    skipRepeats(parts, next);
    [states, next] = [next, states];
  }
  return isMatched(parts, states);
}

function isMatched(parts: readonly PatternPart[], states: Uint8Array): boolean {
  return (states[parts.length]! & outside) !== 0;
}

const outside = 1;
const inside = 2;

/** Marks where `character` leads from the part at `at`; gives whether it leads anywhere. */
function step(
  part: PatternPart,
  at: number,
  character: string,
  state: number,
  next: Uint8Array,
): boolean {
  if (part.kind === "folders") {
    next[at]! |= inside;
    if (character === "/") next[at + 1]! |= outside;
    return true;
  }
  if ((state & outside) === 0) return false;
  if (part.kind === "all" || (part.kind === "some" && character !== "/")) {
    next[at]! |= outside;
    return true;
  }
  if (!takesOne(part, character)) return false;
  next[at + 1]! |= outside;
  return true;
}

function takesOne(part: PatternPart, character: string): boolean {
  if (part.kind === "character") return part.character === character;
  if (part.kind === "one") return character !== "/";
  if (part.kind !== "class") return false;
  const isIn = part.ranges.some(([first, last]) => character >= first && character <= last);
  return isIn !== part.negated;
}

/** What may match nothing is passed over; a `folders` only before anything of it was taken. */
function skipRepeats(parts: readonly PatternPart[], states: Uint8Array): void {
  for (let at = 0; at < parts.length; at += 1) {
    const { kind } = parts[at]!;
    const passes = kind === "some" || kind === "all" || kind === "folders";
    if (passes && (states[at]! & outside) !== 0) states[at + 1]! |= outside;
  }
}
