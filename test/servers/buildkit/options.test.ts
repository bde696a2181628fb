import assert from "node:assert/strict";
import { test } from "node:test";
import { readOptions } from "../../../src/servers/buildkit/front-end/options.ts";

function epochOf(text: string): number | null {
  return readOptions(new Map([["build-arg:SOURCE_DATE_EPOCH", text]])).epoch;
}

test("an epoch that no image can name is refused before anything is built", () => {
  assert.equal(epochOf("253402300799"), 253_402_300_799);
  for (const wrong of ["253402300800", "999999999999999", "-1", "1e3", "0x10"]) {
    assert.throws(() => epochOf(wrong), { code: "BUILD_OPTION" });
  }
});
