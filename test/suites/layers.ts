import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { Digest } from "../../src/domain/digest.ts";
import type { ChainId, Descriptor } from "../../src/domain/image.ts";
import type { UnpackRequest } from "../../src/domain/snapshot.ts";

export function sha256(bytes: Buffer | string): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** An image of layers given as uncompressed tars, gzip-compressed for the way. */
export interface TestImage {
  readonly request: UnpackRequest;
  readonly chains: readonly ChainId[];
  readonly top: ChainId;
}

export function imageOf(tars: readonly Buffer[], changes: Partial<UnpackRequest> = {}): TestImage {
  const diffIds = tars.map((tar) => sha256(tar));
  const blobs = new Map<Digest, Buffer>();
  const layers: Descriptor[] = tars.map((tar) => {
    const blob = gzipSync(tar);
    const digest = sha256(blob);
    blobs.set(digest, blob);
    return { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: blob.length };
  });
  const chains: ChainId[] = [];
  for (const diffId of diffIds) {
    const below = chains.at(-1);
    chains.push(below === undefined ? diffId : sha256(`${below} ${diffId}`));
  }
  const request: UnpackRequest = {
    layers,
    diffIds,
    chains,
    open: async (layer) => chunked(blobs.get(layer.digest)!),
    progress: () => undefined,
    ...changes,
  };
  return { request, chains, top: chains.at(-1)! };
}

async function* chunked(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
