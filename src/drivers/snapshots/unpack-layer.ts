import { createHash } from "node:crypto";
import type { Digest } from "../../domain/digest.ts";
import type { PhaseTally } from "../../domain/pull-phases.ts";
import { decompress, type Compression } from "../../kit/decompress.ts";
import { DuetError } from "../../kit/errors.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { enterTree, folderTarget, type TreeTarget } from "../../kit/tree/enter.ts";
import { metadataPart, treeOperation, treePolicy } from "../../kit/tree/operations.ts";
import { PlainLook } from "../../kit/tree/plain-look.ts";
import { unpackTar } from "../../kit/tree/unpack.ts";
import { kindOf } from "../../kit/tree/walk.ts";
import type { UnpackLimits } from "./limits.ts";
import { UnpackClock } from "./unpack-clock.ts";

export interface LayerSource {
  /** The blob, compressed or not. */
  readonly blob: AsyncIterable<Buffer>;
  /** What the tar's digest must be; null where nobody knows it yet. */
  readonly diffId: Digest | null;
  /** The blob's own digest, where who gives it computes that anyway: then an uncompressed one is not hashed again. */
  readonly blobDigest?: Promise<Digest>;
  readonly limits: UnpackLimits;
  readonly tally?: PhaseTally;
  progress(unpackedBytes: number): void;
}

export interface UnpackedLayer {
  readonly diffId: Digest;
  readonly entries: number;
  readonly size: number;
  /** Folders that the layer's files need but that it does not describe; "" is the root. */
  readonly undescribed: readonly Buffer[];
  readonly rootOpaque: boolean;
}

/**
 * Unpacks one layer into the empty `folder`, in overlayfs's form, and checks the digest of its tar.
 * Throws `corrupt` DIGEST_MISMATCH, TAR_INVALID, COMPRESSION_INVALID, `too-large`, or what the disk says.
 */
export async function unpackLayer(
  binary: string,
  folder: string,
  source: LayerSource,
  signal: AbortSignal,
): Promise<UnpackedLayer> {
  await using tree = await enterTree(binary, folderTarget(folder), { layer: true }, signal);
  const undescribed: Buffer[] = [];
  tree.link.onMade = (path) => void undescribed.push(path);
  const hash = createHash("sha256");
  let isPlain = false;
  const options = {
    limit: source.limits.layerBytes,
    signal,
    detected: (compression: Compression) => void (isPlain = compression === "none"),
  };
  const needsHash = (): boolean => !isPlain || source.blobDigest === undefined;
  const clock = new UnpackClock(source.tally);
  const plain = clock.tar(decompress(clock.blob(source.blob), options));
  const through = (chunk: Buffer): void => {
    if (needsHash()) clock.verify(chunk.length, () => void hash.update(chunk));
    clock.passed(chunk.length, !isPlain);
  };
  const tar = counted(plain, through, source);
  const limits = { entries: source.limits.entries, totalSize: source.limits.logicalBytes };
  const unpacked = await unpackTar(
    tree.link,
    readTar(tar, limits),
    { base: Buffer.alloc(0), format: "layer", policy: treePolicy.replace },
    signal,
  );
  clock.settle();
  const found: Digest =
    isPlain && source.blobDigest !== undefined
      ? await source.blobDigest
      : `sha256:${hash.digest("hex")}`;
  if (source.diffId !== null && found !== source.diffId) {
    throw new DuetError(
      "corrupt",
      "DIGEST_MISMATCH",
      `a layer's content has digest ${found}, its image's config says ${source.diffId}`,
      { hint: "the image is damaged or was tampered with; pull it again" },
    );
  }
  const { entries, size, rootOpaque, rootDescribed } = unpacked;
  const left = withoutDescribed(undescribed, unpacked.folders);
  if (!rootDescribed) left.unshift(Buffer.alloc(0));
  return { diffId: found, entries, size, undescribed: left, rootOpaque };
}

/** A folder may be described after what is in it, for which it was made. */
function withoutDescribed(made: readonly Buffer[], described: readonly Buffer[]): Buffer[] {
  if (made.length === 0) return [];
  const names = new Set(described.map((path) => path.toString("latin1")));
  return made.filter((path) => !names.has(path.toString("latin1")));
}

async function* counted(
  tar: AsyncIterable<Buffer>,
  through: (chunk: Buffer) => void,
  source: LayerSource,
): AsyncGenerator<Buffer, void, void> {
  let size = 0;
  for await (const chunk of tar) {
    through(chunk);
    size += chunk.length;
    source.progress(size);
    yield chunk;
  }
}

/**
 * Gives folders that a layer does not describe the owner, mode and times that lower layers give them:
 * overlayfs would show the upper layer's invented ones.
 */
export async function adoptFolders(
  binary: string,
  folder: string,
  lower: TreeTarget,
  undescribed: readonly Buffer[],
  signal: AbortSignal,
): Promise<void> {
  if (undescribed.length === 0) return;
  await using below = await enterTree(binary, lower, { readonly: true }, signal);
  await using tree = await enterTree(binary, folderTarget(folder), { layer: true }, signal);
  const look = new PlainLook(async () => below.link);
  const own = new PlainLook(async () => tree.link);
  for (const path of undescribed) {
    const entry = await look.at(path, signal);
    if (entry === undefined || kindOf(entry.mode) !== "directory") continue;
    /* A later member may have taken its place. */
    const made = await own.at(path, signal);
    if (made === undefined || kindOf(made.mode) !== "directory") continue;
    const parts = metadataPart.mode | metadataPart.owner | metadataPart.times;
    tree.link
      .operation(treeOperation.metadata)
      .u8(parts)
      .metadata(entry)
      .bytes(path)
      .attributes([]);
    await tree.link.post();
  }
  await tree.link.barrier(signal);
}
