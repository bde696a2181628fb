import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../../src/domain/digest.ts";
import { mediaTypes } from "../../../src/domain/manifest.ts";
import { canceled, never } from "../../../src/kit/abort.ts";
import { imageOfStore } from "../../../src/servers/buildkit/session/content.ts";
import type { Session } from "../../../src/servers/buildkit/session/session.ts";

const manifest = Buffer.from(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest }),
);

async function* whole(): AsyncGenerator<{ data: Buffer }, void, void> {
  yield { data: manifest };
}

test("a client that stops sending a layer is given up, which another may ask for elsewhere", async (t) => {
  let isCut = false;
  const { promise: cut, reject: end } = Promise.withResolvers<never>();
  const call = {
    send: async () => undefined,
    end: () => undefined,
    cancel: () => {
      isCut = true;
      end(canceled("the call was cut off"));
    },
  };
  async function* stuck(): AsyncGenerator<{ data: Buffer }, void, void> {
    yield { data: Buffer.from("begin") };
    await cut;
  }
  const calls = [
    { ...call, cancel: () => undefined, responses: whole() },
    { ...call, responses: stuck() },
  ];
  const client = {
    call: async () => ({ info: { size: manifest.length } }),
    open: () => calls.shift(),
  };
  const session = { client } as unknown as Session;
  const wanted = { store: "oci:x", digest: digestOf(manifest), name: "x" };
  const image = await imageOfStore(session, wanted, never);
  const layer = { mediaType: "layer", digest: digestOf("layer"), size: 1_000 };
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { body } = await image.blob(layer, 0, never);
  const reading = body[Symbol.asyncIterator]();
  assert.equal(String((await reading.next()).value), "begin");
  t.mock.timers.tick(600_000);
  const next = reading.next();
  await Promise.resolve();
  assert.ok(!isCut, "time in which nobody reads counts");
  t.mock.timers.tick(60_000);
  await assert.rejects(next, { class: "timeout" });
  assert.ok(isCut);
});
