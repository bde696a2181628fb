import { createHash } from "node:crypto";
import { constants } from "node:fs";
import type { Digest } from "../../domain/digest.ts";
import { joinPath } from "../../kit/tree/names.ts";
import type { TreeView } from "../../kit/tree/view.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";
import { hashZeros } from "./holes.ts";
import { isFolder, isRegular } from "./places.ts";
import { takenSteps, type Item } from "./selected.ts";

/** Digest of a file's content where it is known already; the path is that in the item's tree. */
export type KnownContent = ((path: Buffer) => Digest | undefined) | null;

/**
 * Adds an item to `hash`: its name, and of all that is taken of it the names, kinds, permissions, owners, link targets,
 * attributes and contents; of a folder itself only where it is `mounted`. With `known` no file is read.
 */
export async function hashItem(
  hash: GatheredHash,
  view: TreeView,
  item: Item,
  { known, mounted }: { readonly known: KnownContent; readonly mounted: boolean },
  signal: AbortSignal,
): Promise<void> {
  hash.bytes(item.name);
  const names = new Map<string, Buffer>();
  let file: OpenContent | undefined;
  for await (const step of takenSteps(view, item, { content: known === null }, signal)) {
    if (step.kind === "content") {
      await file?.take(step.offset, step.data, signal);
      continue;
    }
    await file?.end(signal);
    file = undefined;
    const { entry } = step;
    const first = firstName(names, entry);
    const isSelf = entry.path.length === 0 && isFolder(entry) && !mounted;
    hashEntry(hash, isSelf ? { ...entry, ...unsaid } : entry, first);
    if (!isRegular(entry) || first !== undefined) continue;
    const digest = known?.(joinPath([item.path, entry.path]));
    if (digest !== undefined) hash.text(digest);
    else file = new OpenContent(hash, entry.size);
  }
  await file?.end(signal);
}

/** What a folder whose content is copied does not bring with it. */
const unsaid = { mode: constants.S_IFDIR, uid: 0, gid: 0, attributes: [] };

/** Of a file with several names, the one that came first; else undefined. */
export function firstName(names: Map<string, Buffer>, entry: TreeEntry): Buffer | undefined {
  if (entry.links < 2 || !isRegular(entry)) return undefined;
  const key = `${entry.device}:${entry.inode}`;
  const first = names.get(key);
  if (first === undefined) names.set(key, entry.path);
  return entry.seen ? first : undefined;
}

function hashEntry(hash: GatheredHash, entry: TreeEntry, first: Buffer | undefined): void {
  hash.u32(entry.mode).u32(entry.uid).u32(entry.gid);
  hash.u32(isNode(entry) ? entry.deviceMajor : 0).u32(isNode(entry) ? entry.deviceMinor : 0);
  hash.u32(entry.attributes.length).u32(first === undefined ? 0 : 1);
  hash
    .bytes(entry.path)
    .bytes(entry.linkName)
    .bytes(first ?? none);
  for (const { name, value } of entry.attributes) hash.bytes(name).bytes(value);
}

const none = Buffer.alloc(0);

function isNode(entry: TreeEntry): boolean {
  const kind = entry.mode & constants.S_IFMT;
  return kind === constants.S_IFCHR || kind === constants.S_IFBLK;
}

const gatheredSize = 64 << 10;

/** A SHA-256 of many small values: they go to it together, since each way there costs more than their bytes. */
export class GatheredHash {
  private readonly hash = createHash("sha256");
  private readonly block = Buffer.allocUnsafe(gatheredSize);
  private filled = 0;

  u32(value: number): this {
    this.room(4);
    this.filled = this.block.writeUInt32LE(value, this.filled);
    return this;
  }

  /** With their number before them. */
  bytes(value: Buffer): this {
    return this.u32(value.length).raw(value);
  }

  raw(value: Buffer): this {
    if (value.length > gatheredSize) {
      this.room(gatheredSize);
      this.hash.update(value);
      return this;
    }
    this.room(value.length);
    this.filled += value.copy(this.block, this.filled);
    return this;
  }

  /** Of ASCII. */
  text(value: string): this {
    this.room(value.length);
    this.filled += this.block.write(value, this.filled, "latin1");
    return this;
  }

  digest(): Digest {
    this.room(gatheredSize);
    return `sha256:${this.hash.digest("hex")}`;
  }

  private room(size: number): void {
    if (this.filled + size <= gatheredSize) return;
    this.hash.update(this.block.subarray(0, this.filled));
    this.filled = 0;
  }
}

/** A content on its way into a digest of its own, which then goes into the whole's: as it does where it is known. */
class OpenContent {
  private readonly whole: GatheredHash;
  private readonly own = createHash("sha256");
  private readonly size: number;
  private position = 0;

  constructor(whole: GatheredHash, size: number) {
    this.whole = whole;
    this.size = size;
  }

  async take(offset: number, data: Buffer, signal: AbortSignal): Promise<void> {
    await hashZeros(this.own, offset - this.position, signal);
    this.own.update(data);
    this.position = offset + data.length;
  }

  async end(signal: AbortSignal): Promise<void> {
    await hashZeros(this.own, this.size - this.position, signal);
    this.whole.text(`sha256:${this.own.digest("hex")}`);
  }
}
