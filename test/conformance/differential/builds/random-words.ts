import fc, { type Arbitrary } from "fast-check";

/** One of the texts that are right, seldom one that is not or that most often fails. */
export function mostly(right: readonly string[], wrong: readonly string[]): Arbitrary<string> {
  return fc.oneof(
    { weight: 24, arbitrary: fc.constantFrom(...right) },
    { weight: 1, arbitrary: fc.constantFrom(...wrong) },
  );
}

export function oneOf(...texts: readonly string[]): Arbitrary<string> {
  return fc.constantFrom(...texts);
}

/** Words of a line, joined by one blank. */
export function spaced(...parts: readonly Arbitrary<string>[]): Arbitrary<string> {
  return fc.tuple(...parts).map((words) => words.filter((each) => each !== "").join(" "));
}

const names = ["A", "B", "PATHS", "EMPTY", "NOT_SET", "HOME", "U", "M"] as const;
const name = fc.constantFrom(...names);

const pattern = fc.constantFrom(
  ...[
    "o",
    "*",
    "o*",
    "*o",
    "?",
    "v/",
    "*/",
    "\\*",
    "",
    "/*",
    "$B",
    "${B}",
    "o?",
    "w*o",
    "**",
    "\\?",
    "/",
    "v",
    ":",
    "*:",
    ":*",
  ],
);
const plain = mostly(
  [
    ...[
      "word",
      "two",
      "x-y",
      "v1.2.3",
      "a/b",
      "é",
      "\\\\",
      "\\$A",
      "\\n",
      '\\"',
      "'q $A'",
      '"q $A"',
      '"a\\tb"',
      "$$",
      "}",
    ],
    ...[
      "#no",
      "=",
      "%41",
      "*",
      "~",
      "\\ ",
      "`",
      "$1",
      "$?",
      "$@",
      "$é",
      "${A}}",
      '""',
      "''",
      "'\\''",
      '"\\$A"',
      '"\\\\"',
      "\\'",
    ],
  ],
  [
    "'",
    '"',
    "${",
    "$(x)",
    "${A B}",
    "${A!}",
    "${A:=x}",
    "${#A}",
    "$",
    "${A:}",
    "${A:1}",
    "${A^^}",
    "${}",
    "${1}",
    "${A/}",
    "${A",
    "$\\A",
  ],
);

const operator = mostly([":-", "-", ":+", "+", "#", "##", "%", "%%"], [":?", "?"]);

const expansion: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: name.map((one) => `$${one}`) },
  { weight: 3, arbitrary: name.map((one) => `\${${one}}`) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        name,
        operator,
        fc.oneof(
          pattern,
          fc.constantFrom(
            "word",
            "$A",
            "${B:-z}",
            "'s'",
            "a b",
            '"d q"',
            "\\}",
            "${NOT_SET:-${A#o}}",
          ),
        ),
      )
      .map(([one, way, rest]) => `\${${one}${way}${rest}}`),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        name,
        fc.constantFrom("/", "//"),
        pattern,
        fc.constantFrom("/-", "/", "/$A", "/\\/", "/a b", "/'q'"),
      )
      .map(([one, way, from, to]) => `\${${one}${way}${from}${to}}`),
  },
);

/** Part of a line that is expanded. */
export const word: Arbitrary<string> = fc
  .array(fc.oneof({ weight: 5, arbitrary: expansion }, { weight: 3, arbitrary: plain }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.join(""));

/** A word without blanks that is most likely right. */
export const goodWord: Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("word", "v1.2.3", "a/b", "one", '"two words"') },
  { weight: 3, arbitrary: expansion.filter((text) => !/[ ?'"]/.test(text)) },
);

export const variable: Arbitrary<string> = mostly(names, [
  "a.b",
  "1",
  "x-y",
  "A$B",
  '"A"',
  "é",
  "a b",
  "PATH",
  "SOURCE_DATE_EPOCH",
  "TARGETARCH",
  "TARGETSTAGE",
  "http_proxy",
]);
