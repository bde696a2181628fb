import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../../src/domain/digest.ts";
import type { ChainId, Descriptor } from "../../src/domain/image.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { StoreClaims } from "../../src/engine/images/store-claims.ts";
import { StoreRoom } from "../../src/engine/images/store-room.ts";

const limit = 1_000;
const refusal = { code: "STORE_LIMIT" };
const digestOf = (digit: number): Digest => `sha256:${String(digit).repeat(64)}`;

function blob(digit: number, size: number): Descriptor {
  return { mediaType: "layer", digest: digestOf(digit), size };
}

/** A store that holds what is put into it. */
function storeOf() {
  const blobs = new Map<Digest, number>();
  const layers = new Map<ChainId, number>();
  const context = {
    content: {
      list: async function* () {
        for (const [digest, size] of blobs) yield { digest, size };
      },
    },
    snapshotters: {
      directory: {
        list: async () => ({ committed: [...layers.keys()] }),
        committedSize: async (chain: ChainId) => layers.get(chain),
      },
    },
    settings: { storeLimit: limit },
    storeClaims: new StoreClaims(),
    builds: { written: new Map() },
  } as unknown as EngineContext;
  return { context, blobs, layers };
}

test("of two that have room alone and not together the first gets it, until it is done", async () => {
  const { context } = storeOf();
  const asked = [1, 2].map((digit) => StoreRoom.for(context, [blob(digit, 600)]));
  const [first, second] = await Promise.allSettled(asked);
  assert.equal(second?.status === "rejected" && second.reason.code, "STORE_LIMIT");
  assert.ok(first?.status === "fulfilled");
  assert.equal(first.value.left, 400);
  first.value[Symbol.dispose]();
  using third = await StoreRoom.for(context, [blob(2, 600)]);
  assert.equal(third.left, 400);
});

test("what several bring, or what is stored while they do, counts once", async () => {
  const { context, blobs, layers } = storeOf();
  using first = await StoreRoom.for(context, [blob(1, 400)]);
  first.unpackedTo(digestOf(5), 300);
  using second = await StoreRoom.for(context, [blob(1, 400)]);
  second.unpackedTo(digestOf(5), 300);
  blobs.set(digestOf(1), 400);
  layers.set(digestOf(5), 300);
  await second.settle();
  using third = await StoreRoom.for(context, [blob(1, 400)]);
  assert.equal(third.left, 300);
});

test("what others unpack meanwhile takes the room, and what they have given up again does not", async () => {
  const { context } = storeOf();
  using room = await StoreRoom.for(context);
  const other = await StoreRoom.for(context);
  room.unpackedTo(digestOf(5), 400);
  other.unpackedTo(digestOf(6), 590);
  await room.settle();
  room.unpackedTo(digestOf(5), 420);
  await assert.rejects(room.settle(), refusal);
  other[Symbol.dispose]();
  using later = await StoreRoom.for(context);
  const third = await StoreRoom.for(context);
  third.unpackedTo(digestOf(7), 570);
  third[Symbol.dispose]();
  later.unpackedTo(digestOf(8), 200);
  await later.settle();
  assert.throws(() => later.unpackedTo(digestOf(8), 600), refusal);
});

test("what steps of builds write counts for work beside them", async () => {
  const { context } = storeOf();
  using room = await StoreRoom.for(context);
  context.builds.written.set("step", 900);
  context.storeClaims.grew(900);
  room.unpackedTo(digestOf(5), 200);
  await assert.rejects(room.settle(), refusal);
});
