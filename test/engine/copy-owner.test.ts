import assert from "node:assert/strict";
import { test } from "node:test";
import { lookUpOwner } from "../../src/engine/build/copy-step.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { never } from "../../src/kit/abort.ts";

test("an owner by number needs no root, and is one that there can be", async () => {
  const owner = (text: string): ReturnType<typeof lookUpOwner> =>
    lookUpOwner({} as EngineContext, text, [], never);
  assert.deepEqual(await owner("7"), { uid: 7, gid: 7 });
  assert.deepEqual(await owner("2147483647:8"), { uid: 2_147_483_647, gid: 8 });
  for (const wrong of ["2147483648", "7:4294967295", "4294967296", "9999999999:1", "7:8:9"]) {
    await assert.rejects(owner(wrong), { code: "UNKNOWN_USER" });
  }
});
