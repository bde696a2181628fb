import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { statesPage } from "../../tools/generate-states.ts";

const docs = join(import.meta.dirname, "../../docs");

test("the drawn states are those of the state tables", () => {
  assert.equal(readFileSync(join(docs, "internals/states.md"), "utf8"), statesPage());
});
