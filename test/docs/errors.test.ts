import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorsPage } from "../../tools/generate-errors.ts";
import { raisedErrors } from "../../tools/errors/raised.ts";

const page = join(import.meta.dirname, "../../docs/internals/errors.md");

test("the catalogue of errors is what the sources raise", async () => {
  assert.equal(
    readFileSync(page, "utf8"),
    await errorsPage(),
    "run `node tools/generate-errors.ts`",
  );
});

test("a message made of several templates is read whole", () => {
  const text =
    'throw new DuetError("invalid", "ODD", `a ${x ? `b ${y}` : "c"} d` + " e", { hint });';
  const [found] = raisedErrors({ path: "src/kit/odd.ts", text });
  assert.deepEqual(found, {
    errorClass: "invalid",
    code: "ODD",
    message: "a … d e",
    path: "src/kit/odd.ts",
  });
});
