import { createHash, type Hash } from "node:crypto";
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
  hash: Hash,
  view: TreeView,
  item: Item,
  { known, mounted }: { readonly known: KnownContent; readonly mounted: boolean },
  signal: AbortSignal,
): Promise<void> {
  hashBytes(hash, item.name);
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
    if (digest !== undefined) hash.update(digest);
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

function hashEntry(hash: Hash, entry: TreeEntry, first: Buffer | undefined): void {
  const numbers = Buffer.alloc(28);
  numbers.writeUInt32LE(entry.mode, 0);
  numbers.writeUInt32LE(entry.uid, 4);
  numbers.writeUInt32LE(entry.gid, 8);
  numbers.writeUInt32LE(isNode(entry) ? entry.deviceMajor : 0, 12);
  numbers.writeUInt32LE(isNode(entry) ? entry.deviceMinor : 0, 16);
  numbers.writeUInt32LE(entry.attributes.length, 20);
  numbers.writeUInt32LE(first === undefined ? 0 : 1, 24);
  hash.update(numbers);
  for (const bytes of [entry.path, entry.linkName, first ?? none]) hashBytes(hash, bytes);
  for (const { name, value } of entry.attributes) {
    hashBytes(hash, name);
    hashBytes(hash, value);
  }
}

const none = Buffer.alloc(0);

function isNode(entry: TreeEntry): boolean {
  const kind = entry.mode & constants.S_IFMT;
  return kind === constants.S_IFCHR || kind === constants.S_IFBLK;
}

function hashBytes(hash: Hash, bytes: Buffer): void {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  hash.update(size);
  hash.update(bytes);
}

/** A content on its way into a digest of its own, which then goes into the whole's: as it does where it is known. */
class OpenContent {
  private readonly whole: Hash;
  private readonly own = createHash("sha256");
  private readonly size: number;
  private position = 0;

  constructor(whole: Hash, size: number) {
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
    this.whole.update(`sha256:${this.own.digest("hex")}`);
  }
}
