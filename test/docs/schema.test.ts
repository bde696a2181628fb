import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tableNames } from "../../src/drivers/store/schema.ts";

test("the page of the schema has every table of the store, and no other", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/internals/schema.md"), "utf8");
  const store = page.slice(page.indexOf("## The store"));
  const rows = [...store.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(rows, [...tableNames]);
});
