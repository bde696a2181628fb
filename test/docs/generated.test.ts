import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dockerApiFiles } from "../../tools/generate-docker-api.ts";
import { machineDecisions } from "../conformance/differential/machines.ts";
import { differencesPage, pagePath } from "../conformance/differential/page.ts";
import { statesPage } from "../../tools/generate-states.ts";

const docs = join(import.meta.dirname, "../../docs");

test("the differences from Docker are those that its comparison lets pass", () => {
  assert.equal(readFileSync(pagePath, "utf8"), differencesPage());
});

test("the page on isolations says how answers about virtual machines differ", () => {
  const text = readFileSync(join(docs, "isolation-verbs.md"), "utf8");
  for (const { what, why } of machineDecisions)
    assert.ok(text.includes(`- **${what}** ${why}\n`), what);
});

test("the drawn states are those of the state tables", () => {
  assert.equal(readFileSync(join(docs, "internals/states.md"), "utf8"), statesPage());
});

test("the types and shapes of the Docker Engine API are those of its description", () => {
  for (const [path, text] of dockerApiFiles()) {
    assert.equal(readFileSync(join(docs, "..", path), "utf8"), text, `${path}: npm run fix`);
  }
});
