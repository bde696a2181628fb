import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContextTree } from "../../src/domain/build/files.ts";
import { hostPlatform } from "../../src/domain/registry.ts";
import type { BuildClient, BuildRequest } from "../../src/engine/build/build.ts";
import { StepSources } from "../../src/engine/build/step-sources.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { never } from "../../src/kit/abort.ts";

test("a client's files that cannot be given back keep no others from it", async () => {
  const given: string[] = [];
  const context = async (name: string): Promise<ContextTree> =>
    ({
      [Symbol.asyncDispose]: async () => {
        given.push(name);
        if (name === "bad") throw new Error("it is stuck");
      },
    }) as unknown as ContextTree;
  const sources = new StepSources({} as EngineContext, {
    request: { contexts: {} } as unknown as BuildRequest,
    client: { context } as unknown as BuildClient,
    images: undefined as never,
    only: () => null,
    stage: () => assert.fail("there are no stages"),
  });
  for (const name of ["good", "bad", "other"]) {
    await sources.get({ kind: "context", name }, hostPlatform, never);
  }
  await assert.rejects(sources[Symbol.asyncDispose](), /it is stuck/);
  assert.deepEqual(given.toSorted(), ["bad", "good", "other"]);
});
