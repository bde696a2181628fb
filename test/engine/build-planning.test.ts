import assert from "node:assert/strict";
import { test } from "node:test";
import { hostPlatform } from "../../src/domain/registry.ts";
import type { BaseImages } from "../../src/engine/build/base-images.ts";
import type { BuildRequest } from "../../src/engine/build/build.ts";
import { planBuild } from "../../src/engine/build/planning.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { CollectionGate } from "../../src/engine/images/collection-gate.ts";
import { openLease } from "../../src/engine/images/lease.ts";
import { never } from "../../src/kit/abort.ts";
import { DuetError } from "../../src/kit/errors.ts";

const content = Buffer.from("FROM missing AS one\nFROM slow\nCOPY --from=one /a /\n");
const request = {
  ...{ dockerfile: { name: "Dockerfile", content }, target: "", platform: hostPlatform },
  ...{ buildArguments: {}, labels: {}, contexts: {}, network: "default" },
} as unknown as BuildRequest;

test("where one base image is missing, the others are not waited for, but given up", async () => {
  const missing = new DuetError("not-found", "IMAGE_NOT_FOUND", "no such image");
  let wasGivenUp = false;
  const images = {
    get: async (name: string, _platform: unknown, signal: AbortSignal) => {
      if (name !== "slow") throw missing;
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      return await promise.finally(() => (wasGivenUp = true));
    },
  } as unknown as BaseImages;
  await assert.rejects(planBuild(request, images, never), { code: "IMAGE_NOT_FOUND" });
  assert.ok(wasGivenUp);
});

test("a lease that has ended holds nothing that comes late", async () => {
  const collection = new CollectionGate();
  const lease = openLease({ collection } as EngineContext);
  await lease.hold([`sha256:${"1".repeat(64)}`], []);
  lease.end();
  await lease.hold([`sha256:${"2".repeat(64)}`], []);
  assert.equal(collection.leased.size, 0);
});
