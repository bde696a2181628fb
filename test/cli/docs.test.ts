import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { cliPage } from "../../src/cli/docs-page.ts";

test("docs/cli.md says what the command table says", async () => {
  const path = join(import.meta.dirname, "../../docs/cli.md");
  assert.equal(readFileSync(path, "utf8"), await cliPage(), "run node src/cli/docs-page.ts");
});
