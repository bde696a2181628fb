import { createHash, randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Digest } from "../../../src/domain/digest.ts";
import type { Descriptor } from "../../../src/domain/image.ts";
import { mediaTypes } from "../../../src/domain/manifest.ts";

export interface TestImage {
  readonly manifest: Buffer;
  readonly mediaType: string;
  readonly digest: Digest;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  /** By digest; holds config and layers. */
  readonly blobs: ReadonlyMap<Digest, Buffer>;
}

export function digestOf(content: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** An image of random layers; its layers are no tars, which no registry minds. */
export function testImage(layerSizes: readonly number[] = [10_000, 100_000]): TestImage {
  const blobs = new Map<Digest, Buffer>();
  const add = (mediaType: string, content: Buffer): Descriptor => {
    const digest = digestOf(content);
    blobs.set(digest, content);
    return { mediaType, digest, size: content.length };
  };
  const contents = layerSizes.map((size) => randomBytes(size));
  const layers = contents.map((content) =>
    add(mediaTypes.ociLayerGzip, gzipSync(content, { level: 0 })),
  );
  const config = add(
    mediaTypes.ociConfig,
    Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: { Cmd: ["/hello"] },
        rootfs: { type: "layers", diff_ids: contents.map(digestOf) },
      }),
    ),
  );
  const mediaType = mediaTypes.ociManifest;
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  return { manifest, mediaType, digest: digestOf(manifest), config, layers, blobs };
}

export async function* inPieces(
  content: Buffer,
  size = 65_536,
): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
