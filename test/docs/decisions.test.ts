import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const folder = join(import.meta.dirname, "../../docs/internals/decisions");

test("the index of decisions names every one", () => {
  const index = readFileSync(join(folder, "README.md"), "utf8");
  const missing = readdirSync(folder).filter(
    (name) => name !== "README.md" && !index.includes(`](${name})`),
  );
  assert.deepEqual(missing, []);
});
