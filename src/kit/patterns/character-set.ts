/** Whether one character, given by its code point, is taken. */
export type CharacterTest = (code: number) => boolean;

type Range = readonly [first: number, last: number];

const digits: readonly Range[] = [[48, 57]];
const lower: readonly Range[] = [[97, 122]];
const upper: readonly Range[] = [[65, 90]];
const letters = [...upper, ...lower];
const word = [...digits, ...letters, [95, 95]] as const;

/** `\d \s \w`, by their letters. Unlike `[:space:]`, `\s` has no vertical tab. */
const perl: Readonly<Record<string, readonly Range[]>> = {
  d: digits,
  s: [
    [9, 10],
    [12, 13],
    [32, 32],
  ],
  w: word,
};

const named: Readonly<Record<string, readonly Range[]>> = {
  alnum: [...digits, ...letters],
  alpha: letters,
  ascii: [[0, 127]],
  blank: [
    [9, 9],
    [32, 32],
  ],
  cntrl: [
    [0, 31],
    [127, 127],
  ],
  digit: digits,
  graph: [[33, 126]],
  lower,
  print: [[32, 126]],
  punct: [
    [33, 47],
    [58, 64],
    [91, 96],
    [123, 126],
  ],
  space: [
    [9, 13],
    [32, 32],
  ],
  upper,
  word,
  xdigit: [...digits, [65, 70], [97, 102]],
};

/** One that is neither a digit, a letter of ASCII nor `_` ends a word. */
export function isWord(code: number): boolean {
  return isIn(word, code);
}

/** A class of a hundred others may stand a thousand times in a pattern, and each is asked about the same character. */
function once(test: CharacterTest): CharacterTest {
  let last = -1;
  let outcome = false;
  return (code) => {
    if (code !== last) [last, outcome] = [code, test(code)];
    return outcome;
  };
}

function isIn(ranges: readonly Range[], code: number): boolean {
  return ranges.some(([first, last]) => code >= first && code <= last);
}

/** A set of characters as a class of Go's regular expressions names them, or of all cases of each where it folds. */
export class CharacterSet {
  private readonly folds: boolean;
  private readonly ranges: Range[] = [];
  /** Unicode's categories and scripts, as classes of the built-in engine have them. */
  private readonly properties: string[] = [];
  private readonly others: CharacterTest[] = [];

  constructor(folds: boolean) {
    this.folds = folds;
  }

  range(first: number, last: number): void {
    this.ranges.push([first, last]);
  }

  /** `\d` and its like by the letter, of which a capital means all others. False where there is none. */
  perlClass(letter: string): boolean {
    const plain = letter.toLowerCase();
    return this.known(Object.hasOwn(perl, plain) ? perl[plain] : undefined, plain !== letter);
  }

  /** `[:alpha:]` by its name, `^alpha` for all others. False where there is none. */
  namedClass(name: string): boolean {
    const plain = name.replace(/^\^/, "");
    return this.known(Object.hasOwn(named, plain) ? named[plain] : undefined, plain !== name);
  }

  /** `\pL`, `\p{Greek}`, and all others where `negated`. False where Unicode knows no such category or script. */
  unicodeClass(name: string, negated: boolean): boolean {
    const property = propertyOf(name);
    if (property === undefined) return false;
    const set = negated ? new CharacterSet(this.folds) : this;
    set.properties.push(property);
    if (negated) this.others.push(set.test(true));
    return true;
  }

  test(negated: boolean): CharacterTest {
    const { ranges, others } = this;
    const isWithin = this.isPlain ? (code: number): boolean => isIn(ranges, code) : this.builtIn();
    if (others.length === 0) return (code) => isWithin(code) !== negated;
    return once((code) => (isWithin(code) || others.some((other) => other(code))) !== negated);
  }

  private known(ranges: readonly Range[] | undefined, negated: boolean): boolean {
    if (ranges === undefined) return false;
    const set = negated ? new CharacterSet(this.folds) : this;
    set.ranges.push(...ranges);
    if (negated) this.others.push(set.test(true));
    return true;
  }

  private get isPlain(): boolean {
    const hasCases = this.folds && this.ranges.some(([, last]) => last >= 65);
    return !hasCases && this.properties.length === 0;
  }

  /** By the built-in engine, which knows Unicode: of one character and a class it makes no more than one step. */
  private builtIn(): CharacterTest {
    const hex = (code: number): string => `\\u{${code.toString(16)}}`;
    const ranges = this.ranges.map(([first, last]) => `${hex(first)}-${hex(last)}`);
    const members = [...ranges, ...this.properties].join("");
    const pattern = new RegExp(`^[${members}]$`, this.folds ? "iu" : "u");
    return (code) => pattern.test(String.fromCodePoint(code));
  }
}

const ownNames: ReadonlyMap<string, string> = new Map([
  ["any", "\\u{0}-\\u{10ffff}"],
  ["ascii", "\\u{0}-\\u{7f}"],
  ["assigned", "\\P{General_Category=Cn}"],
]);

/** As Go looks names up since 1.25: capitals, spaces, `_` and `-` count for nothing. */
function propertyOf(name: string): string | undefined {
  if (!/^[A-Za-z_ -]{1,64}$/.test(name)) return undefined;
  const words = name.split(/[ _-]+/).filter((part) => part !== "");
  const plain = words.join("").toLowerCase();
  const own = ownNames.get(plain);
  if (own !== undefined) return own;
  const spellings = [name, words.map(capitalised).join("_"), capitalised(plain)];
  const all = [...spellings, plain.toUpperCase()];
  return all
    .flatMap((spelling) => [`\\p{General_Category=${spelling}}`, `\\p{Script=${spelling}}`])
    .find(isKnown);
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase();
}

function isKnown(property: string): boolean {
  try {
    return new RegExp(property, "u") instanceof RegExp;
  } catch {
    return false;
  }
}
