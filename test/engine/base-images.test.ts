import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageRecord } from "../../src/domain/image.ts";
import { hostPlatform } from "../../src/domain/registry.ts";
import { BaseImages } from "../../src/engine/build/base-images.ts";
import type { BuildClient } from "../../src/engine/build/build.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import type { ImageUseCases } from "../../src/engine/image-use-cases.ts";
import { never } from "../../src/kit/abort.ts";

test("a base image that is removed before the build holds it is pulled", async () => {
  const id = `sha256:${"1".repeat(64)}` as const;
  const about = { id, platform: hostPlatform, layers: [], diffIds: [] };
  const record = { ...about, manifest: { digest: id } } as unknown as ImageRecord;
  const stored = new Map([[id as string, record]]);
  const collection = {
    leased: new Set(),
    keep: async (_: AbortSignal, work: () => Promise<void>) => {
      // Somebody's `rmi` came first.
      if (pulls === 0) stored.clear();
      await work();
    },
  };
  const images = { get: (key: string) => stored.get(key), list: () => [...stored.values()] };
  const imageNames = { get: () => undefined, list: () => [] };
  const context = { collection, store: { images, imageNames } } as unknown as EngineContext;
  let pulls = 0;
  const useCases = {
    pull: async () => {
      pulls += 1;
      stored.set(id, record);
      return record;
    },
  } as unknown as ImageUseCases;
  const client = { tell: () => undefined, credentials: async () => null };
  using bases = new BaseImages(context, useCases, {
    ...{ request: { pull: false }, client: client as unknown as BuildClient, identity: "" },
  });
  const found = await bases.get(id.slice("sha256:".length), hostPlatform, never);
  assert.equal(found.record, record);
  assert.equal(pulls, 1);
});
