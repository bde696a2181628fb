import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineContext } from "../../src/engine/context.ts";
import { Downloads } from "../../src/engine/images/downloads.ts";
import { bringBlob } from "../../src/engine/images/take.ts";
import { never } from "../../src/kit/abort.ts";

test("a blob for which the daemon's limit leaves no room is not asked for", async () => {
  const content = { size: async () => undefined, list: async function* () {} };
  const snapshotters = { directory: { list: async () => ({ committed: [] }) } };
  const context = {
    ...{ content, snapshotters, settings: { storeLimit: 1_000 }, builds: { written: new Map() } },
  } as unknown as EngineContext;
  const blob = { mediaType: "layer", digest: `sha256:${"1".repeat(64)}`, size: 1_001 } as const;
  const given = {
    ...{ name: "cache", target: blob },
    blob: () => assert.fail("it was asked for"),
  };
  const lease = { hold: async () => undefined };
  const bringing = bringBlob(context, new Downloads(context.content), given, blob, lease, never);
  await assert.rejects(bringing, { code: "STORE_LIMIT" });
});
