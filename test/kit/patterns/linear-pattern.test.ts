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
    "(.*)(.*)(.*)x",
    "((a{1,30}){1,6}){5}b",
    "(((a{1000}){1000}){1000}){1000}",
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

test("an overlong or overnested pattern is refused or matches nothing", () => {
  assert.throws(() => linearPattern("a".repeat(513)), { class: "invalid" });
  assert.equal(linearPattern("(".repeat(100) + "a" + ")".repeat(100))("a"), false);
});
