import assert from "node:assert/strict";
import { test } from "node:test";
import { createRequire } from "node:module";
import type { Ignore } from "@balena/dockerignore";
import fc from "fast-check";
import { compileIgnore, ignorePatterns } from "../../../src/kit/patterns/ignore.ts";
import { compileMatch } from "../../../src/kit/patterns/match.ts";
import { isDuetError } from "../../../src/kit/errors.ts";

/* Its types speak of a default export that its CommonJS form has not. */
const dockerignore = createRequire(import.meta.url)("@balena/dockerignore") as () => Ignore;

function leftOut(patterns: readonly string[], paths: readonly string[]): readonly string[] {
  const matcher = compileIgnore(patterns);
  return paths.filter((path) => matcher.ignores(path));
}

test("patterns mean what Docker's documentation says of them", () => {
  const paths = [
    "a",
    "a/b",
    "a/b/c.md",
    "x.md",
    "README.md",
    "d/README.md",
    "d/e/f.go",
    "temp",
    "tempa",
    "d/temp1",
    "d/e/temp1",
  ];
  assert.deepEqual(leftOut(["*/temp*"], paths), ["d/temp1"]);
  assert.deepEqual(leftOut(["*/*/temp*"], paths), ["d/e/temp1"]);
  assert.deepEqual(leftOut(["temp?"], paths), ["tempa"]);
  assert.deepEqual(leftOut(["**/*.go"], paths), ["d/e/f.go"]);
  assert.deepEqual(leftOut(["*.md", "!README.md"], paths), ["x.md"]);
  assert.deepEqual(leftOut(["*.md", "!README*.md", "README.md"], paths), ["x.md", "README.md"]);
  assert.deepEqual(leftOut(["a"], paths), ["a", "a/b", "a/b/c.md"]);
  assert.deepEqual(leftOut(["a/**", "!a/b/c.md"], paths), ["a/b"]);
  assert.deepEqual(leftOut(["*", "!d/e"], paths).includes("d/e/f.go"), false);
  assert.deepEqual(leftOut(["[x-z].md", String.raw`\a/b`], paths), ["a/b", "a/b/c.md", "x.md"]);
});

test("a file of patterns loses comments, blanks and slashes at the ends, and a byte order mark", () => {
  const content = Buffer.from(
    "\uFEFF# comment\n\n /node_modules/ \r\n!  /keep/me/ \n ./x/../y\n#not\n **/z/\n/\n",
  );
  assert.deepEqual(ignorePatterns(content), ["node_modules", "!keep/me", "y", "**/z", "/"]);
});

test("what is no pattern is refused", () => {
  for (const pattern of ["[", "[a", "[a-]", "[]", "a\\", "!"]) {
    assert.throws(
      () => compileIgnore([pattern]),
      (error) => isDuetError(error, "invalid"),
      pattern,
    );
  }
  for (const pattern of ["[", "[^", "[-a]", "a\\"]) {
    assert.throws(
      () => compileMatch(pattern),
      (error) => isDuetError(error, "invalid"),
      pattern,
    );
  }
});

test("folders are skipped only where nothing in them is taken in again", () => {
  const matcher = compileIgnore(["a", "b", "c", "!b/deep/file", "!**/x.md", "d"]);
  assert.equal(matcher.canSkip("b"), false);
  assert.equal(matcher.canSkip("a"), false, "an exception may be anywhere");
  const narrow = compileIgnore(["a", "b", "!b/deep/file"]);
  assert.deepEqual(
    ["a", "a/sub", "b", "b/deep", "b/other", "c"].map((folder) => narrow.canSkip(folder)),
    [true, true, false, false, true, false],
  );
});

test("hostile patterns take no longer than their length (C50)", () => {
  const matcher = compileIgnore([`${"**/a*".repeat(400)}b`, "*a".repeat(1_000)]);
  assert.equal(matcher.ignores("a/".repeat(1_000)), false);
  assert.equal(compileMatch(`${"a*".repeat(1_000)}b`)("a".repeat(4_000)), false);
});

const name = fc.constantFrom("a", "b", "ab", "abc", ".x", "a.md");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const piece = fc.constantFrom("a", "b", "ab", "*", "**", "a*", "?", "*.md", "a?", "*b", ".x");
const pattern = fc
  .tuple(fc.boolean(), fc.array(piece, { minLength: 1, maxLength: 4 }))
  .map(([not, parts]) => `${not ? "!" : ""}${parts.join("/")}`);

test("lists of patterns leave out what a port of Docker's own code leaves out", () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 5 }), path, (patterns, where) => {
      const other = dockerignore().add([...patterns]);
      assert.equal(
        compileIgnore(patterns).ignores(where),
        other.ignores(where),
        JSON.stringify([patterns, where]),
      );
    }),
    { numRuns: 3_000 },
  );
});
