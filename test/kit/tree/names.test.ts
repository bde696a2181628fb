import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { posix } from "node:path";
import { isDuetError } from "../../../src/kit/errors.ts";
import { joinPath, pathBelowRoot, splitPath } from "../../../src/kit/tree/names.ts";

test("a member's name becomes the path that Go's filepath.Clean would give below the root", () => {
  const part = fc.constantFrom("a", "b.c", "..", ".", "", "...", ".x");
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), fc.boolean(), (parts, absolute) => {
      const name = `${absolute ? "/" : ""}${parts.join("/")}`;
      fc.pre(name !== "");
      const cleaned = posix.normalize(name).replace(/\/$/, "");
      const rooted = name.startsWith("/");
      if (!rooted && (cleaned === ".." || cleaned.startsWith("../"))) {
        assert.throws(
          () => pathBelowRoot(Buffer.from(name)),
          (error) => isDuetError(error, "denied"),
        );
        return;
      }
      const expected = cleaned === "." ? "" : cleaned.replace(/^\//, "");
      assert.equal(pathBelowRoot(Buffer.from(name)).toString(), expected);
    }),
    { numRuns: 2_000 },
  );
});

test("paths are joined and split at their last slash", () => {
  assert.equal(
    joinPath([Buffer.from(""), Buffer.from("a"), Buffer.from("b/c")]).toString(),
    "a/b/c",
  );
  const { folder, name } = splitPath(Buffer.from("a/b/c"));
  assert.deepEqual([folder.toString(), name.toString()], ["a/b", "c"]);
  assert.equal(splitPath(Buffer.from("top")).folder.length, 0);
});
