import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { digestOf, type Digest } from "../../src/domain/digest.ts";
import type { Descriptor } from "../../src/domain/image.ts";
import { mediaTypes } from "../../src/domain/manifest.ts";
import type { BlobStream, UploadedBlob } from "../../src/domain/registry.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { pushIndex } from "../../src/engine/images/push-index.ts";
import { never } from "../../src/kit/abort.ts";

const content = randomBytes(1_000_000);
const layer: Descriptor = {
  mediaType: mediaTypes.ociLayer,
  digest: digestOf(content),
  size: content.length,
};

/** Takes a blob in pieces, each from a place of its own choice on; one that breaks is asked for again. */
async function takenInPieces(
  open: (offset: number) => Promise<AsyncIterable<Uint8Array>>,
  pieces: readonly (readonly [from: number, to: number])[],
): Promise<Buffer> {
  const taken = Buffer.alloc(content.length);
  for (const [from, to] of pieces) {
    let at = from;
    const take = async (): Promise<void> => {
      for await (const chunk of await open(at)) {
        const part = chunk.subarray(0, to - at);
        taken.set(part, at);
        at += part.length;
        if (at === to) break;
      }
    };
    await take().catch(take);
    assert.equal(at, to);
  }
  return taken;
}

/** At which offset, or null for none, a body breaks the first time. */
for (const [what, canSkip, breaks, pieces, opened] of [
  [
    "is read once for all pieces",
    false,
    null,
    [
      [0, 100_000],
      [100_000, 400_000],
      [400_000, 1_000_000],
    ],
    [0],
  ],
  [
    "is read anew where a piece is sent again",
    false,
    null,
    [
      [0, 300_000],
      [200_000, 500_000],
      [500_000, 1_000_000],
    ],
    [0, 200_000],
  ],
  [
    "is asked for from where it is wanted",
    true,
    null,
    [
      [0, 300_000],
      [200_000, 500_000],
      [500_000, 1_000_000],
    ],
    [0, 200_000],
  ],
  [
    "is opened anew where it breaks",
    true,
    393_216,
    [
      [0, 300_000],
      [300_000, 1_000_000],
    ],
    [0, 393_216],
  ],
] as const) {
  test(`a blob of another registry ${what}`, async () => {
    const config = Buffer.from("{}");
    const document = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.ociManifest,
        config: { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length },
        layers: [layer],
      }),
    );
    const offsets: number[] = [];
    let closed = 0;
    const body = async function* (from: number): AsyncGenerator<Buffer> {
      try {
        for (let at = from; at < content.length; at += 65_536) {
          if (at === breaks && offsets.length === 1) throw new Error("connection lost");
          yield content.subarray(at, at + 65_536);
        }
      } finally {
        closed += 1;
      }
    };
    const registry = {
      manifest: async () => document,
      hasBlob: async (_: unknown, digest: Digest) => digest !== layer.digest,
      blob: async (_: unknown, __: unknown, offset: number): Promise<BlobStream> => {
        offsets.push(offset);
        return { offset: canSkip ? offset : 0, body: body(canSkip ? offset : 0) };
      },
      pushBlob: async (
        _: unknown,
        __: unknown,
        open: Parameters<typeof takenInPieces>[0],
      ): Promise<UploadedBlob> => {
        assert.ok((await takenInPieces(open, pieces)).equals(content));
        return { mountedFrom: "" };
      },
      pushManifest: async (_: unknown, __: unknown, bytes: Buffer) => digestOf(bytes),
    };
    const descriptor = {
      mediaType: mediaTypes.ociManifest,
      digest: digestOf(document),
      size: document.length,
    };
    await pushIndex(
      { registry } as unknown as EngineContext,
      "one.example/a:1",
      {
        content: Buffer.from("{}"),
        mediaType: mediaTypes.ociIndex,
        manifests: [{ source: "other.example/b:1", descriptor }],
        auth: null,
      },
      never,
    );
    assert.deepEqual(offsets, opened);
    assert.equal(closed, opened.length, "each is closed");
  });
}
