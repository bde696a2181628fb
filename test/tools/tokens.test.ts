import assert from "node:assert/strict";
import { test } from "node:test";
import { tokenize } from "../../tools/source/tokens.ts";

const words = (source: string): string[] =>
  tokenize(source)
    .filter((token) => token.kind === "word")
    .map((token) => token.text);

test("what stands in strings, comments and regular expressions is no code", () => {
  assert.deepEqual(words('a; // b\n/* c */ \'d\' "e\\"f" /[/]g/u.test(h)'), ["a", "test", "h"]);
});

test("a division is not the start of a regular expression", () => {
  assert.deepEqual(words("a / b / c; (d) / e / f"), ["a", "b", "c", "d", "e", "f"]);
});

test("the holes of nested templates are code and their text is not", () => {
  assert.deepEqual(words("`x ${a + `y ${b} ${{ c: 1 }} z`} w` + d"), ["a", "b", "c", "d"]);
});

test("lines are counted through templates and comments", () => {
  const last = tokenize("`\n\n`\n/*\n*/ here").at(-1);
  assert.deepEqual(last, { kind: "word", text: "here", line: 5 });
});
