import assert from "node:assert/strict";
import { test } from "node:test";
import { linearPattern } from "../../../src/kit/patterns/linear-pattern.ts";

const patterns = [
  "web",
  "^web",
  "web$",
  "^web$",
  "w.b",
  "w.*b",
  "we+b",
  "we?b",
  "(web|db)",
  "^(a|b)*c$",
  "[a-c]+",
  "[^a-c]",
  "web_[0-9]+",
  "\\d+",
  "a|b|c",
  "^$",
  "",
  "x*",
  "(ab)+c",
  "(?:ab)?c",
  "\\.",
  "[.]",
  "[a-]",
  "(a|)b",
  "^e{3}$",
  "e{2,}",
  "^(a|b){1,2}c?$",
  "^a?b{0}c",
  "b{,2}",
  "a{",
  "}",
  "(ab){2,3}c",
];
const texts = [
  "web",
  "aweb",
  "webs",
  "db",
  "wxxb",
  "web_12",
  "ab",
  "ababc",
  "c",
  "",
  "abc",
  "a.b",
  "-",
  "eee",
  "web1",
  "b{,2}",
  "a{1}",
  "ababababc",
];

test("answers as the built-in engine does", () => {
  for (const pattern of patterns) {
    const expected = new RegExp(pattern);
    const matches = linearPattern(pattern);
    for (const text of texts) {
      assert.equal(matches(text), expected.test(text), `${pattern} on ${text}`);
    }
  }
});

test("a broken pattern matches nothing", () => {
  for (const pattern of [
    "(",
    ")",
    "[",
    "a**",
    "*",
    "\\",
    "(a",
    "a{2}{2}",
    "a{3,2}",
    "a{1001}",
    "({2})",
    "{1}a",
  ]) {
    assert.equal(linearPattern(pattern)("aaaa"), false, pattern);
  }
});

test("patterns over which other engines despair are quick", () => {
  const text = `${"a".repeat(5_000)}!`;
  for (const pattern of [
    "^(a+)+$",
    "(a|a)*b",
    "(a*)*b",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(?i)^(([a-z])+\\b?)+\\B[A-Z]([k-s])+$",
    "^(\\pL*)*(\\p{Lu}|\\PL)$",
    "(.*)(.*)(.*)x",
    "((a{1,30}){1,6}){5}b",
    "(((a{1000}){1000}){1000}){1000}",
    "((((){1000}){1000}){1000}){1000}",
  ]) {
    const start = performance.now();
    linearPattern(pattern)(text);
    assert.ok(performance.now() - start < 30_000, pattern);
  }
});

test("classes have Go's names", () => {
  const named = linearPattern("^[[:alpha:]][[:alnum:]_-]+[^[:space:]]$");
  assert.ok(named("web_1-"));
  assert.ok(!named("1web"));
  assert.ok(!named("web "));
  assert.equal(linearPattern("[[:nothing:]]")("n"), false);
});

test("a pattern that is too large is refused", () => {
  assert.throws(() => linearPattern("a".repeat(513)), { class: "invalid" });
  assert.throws(() => linearPattern("(?:\\w\\d\\w\\d\\w\\d){1000}"), { class: "invalid" });
  assert.ok(linearPattern("(".repeat(250) + "a" + ")".repeat(250))("a"));
});

/** As Go 1.25 answers; what is said of others was asked of Docker 28.5.2. */
const goAnswers: readonly (readonly [
  pattern: string,
  yes: readonly string[],
  no: readonly string[],
])[] = [
  ["(?i)^web$", ["web", "WEB", "wEb"], ["webs"]],
  ["(?i)k", ["K", "\u212a"], ["c"]],
  ["(?i)[^k-s]", ["é"], ["K", "\u212a", "ſ"]],
  ["(?i)\\W", ["é"], ["S", "ſ"]],
  ["(?i:a)b|c", ["Ab", "c"], ["AB", "C"]],
  ["(a(?i)b|c)d", ["aBd", "Cd"], ["Abd", "aBD"]],
  ["\\bweb\\b", ["web", "a web-1", "éweb"], ["web_1", "awebs"]],
  ["\\Beb", ["web"], ["eb"]],
  ["a.b", ["a b", "a😀b"], ["a\nb"]],
  ["(?s)a.b", ["a\nb"], ["ab"]],
  ["(?m)^b$", ["a\nb\nc"], ["ab"]],
  ["\\Ab\\z", ["b"], ["a\nb", "b\n"]],
  ["^\\s$", [" ", "\f"], ["\v"]],
  ["^[[:space:]]$", ["\v"], ["a"]],
  ["^[[:^alpha:]\\d]$", ["1", "-"], ["a"]],
  ["\\Qa.b\\E+$", ["a.bb"], ["axb"]],
  ["^\\pL\\p{Lu}\\P{Greek}$", ["éÉa"], ["ééa", "éÉβ"]],
  ["^\\p{lu}\\p{greek}\\p{Letter}\\p{ASCII}$", ["Aβcd"], ["aβcd", "Aβcé"]],
  ["^\\x41\\x{1F600}\\102\\t[\\x61-c\\]]$", ["A😀B\tb", "A😀B\t]"], ["A😀B\td"]],
  ["^(?P<one>a)(?<two>b)$", ["ab"], ["ba"]],
  ["^a{01}$", ["a{01}"], ["a"]],
  ["a*(?i)*", ["", "aa"], []],
  ["(?U)a+?", ["a"], ["b"]],
];

test("patterns of Go's syntax mean what they mean to Go", () => {
  for (const [pattern, yes, no] of goAnswers) {
    const matches = linearPattern(pattern);
    for (const text of yes) assert.equal(matches(text), true, `${pattern} on ${text}`);
    for (const text of no) assert.equal(matches(text), false, `${pattern} on ${text}`);
  }
});

test("what Go refuses matches nothing", () => {
  const refused = [
    "\\1",
    "\\C",
    "\\Z",
    "\\é",
    "(?=a)",
    "(?<=a)a",
    "(?P<n>a)(?P<n>a)",
    "(?i-)a",
    "(?",
  ];
  const more = [
    "[b-a]",
    "[[:no:]]",
    "\\p{No such}",
    "\\x{110000}",
    "a|*",
    "((a{2}){501})|a",
    "[a-\\d]",
  ];
  for (const pattern of [...refused, ...more])
    assert.equal(linearPattern(pattern)("aaaa"), false, pattern);
});

test("a class that stands in a pattern many times is asked about a character once", (context) => {
  const matches = linearPattern(`(?i)[^${"\\PL".repeat(100)}]{900}x`);
  const asked = context.mock.method(RegExp.prototype, "test");
  assert.equal(matches("abc".repeat(300)), false);
  assert.ok(asked.mock.callCount() <= 100 * 900, String(asked.mock.callCount()));
});
