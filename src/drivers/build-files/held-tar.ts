import { setImmediate as nextTurn } from "node:timers/promises";
import type { TarEntry, TarPiece } from "../../kit/tar/entry.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { pathBelowRoot } from "../../kit/tree/names.ts";
import type { ContextLimits } from "./context-change.ts";
import type { ContextIndex } from "./context-index.ts";
import { noteMembers, type Owner } from "./noted-members.ts";

/** Bytes of all tars in memory, and of one. */
const heldInAll = 64 << 20;
const largestHeld = 8 << 20;
const smallestBlock = 64 << 10;
/** What is read in one turn of the event loop. */
const turnMembers = 128;
const turnBytes = 1 << 20;
/** NAME_MAX: what is longer cannot be unpacked. */
const longestName = 255;

/** Memory for contexts that come as tars, of all builds together. */
export class HeldMemory {
  private left = heldInAll;

  take(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.left += bytes;
  }
}

/** A whole tar in memory, until its disposal. */
export class HeldTar implements Disposable {
  /** Paths to remove again after unpacking. */
  readonly removed: Buffer[] = [];
  private readonly memory: HeldMemory;
  private readonly files = new Map<string, readonly TarPiece[]>();
  private block: Buffer = Buffer.alloc(0);
  private taken = 0;
  private size = 0;

  constructor(memory: HeldMemory) {
    this.memory = memory;
  }

  get content(): Buffer {
    return this.block.subarray(0, this.size);
  }

  /** False where there is no room for it. What comes in small pieces takes no more than its bytes. */
  append(chunk: Uint8Array): boolean {
    const size = this.size + chunk.length;
    if (size > this.block.length && !this.grow(size)) return false;
    this.block.set(chunk, this.size);
    this.size = size;
    return true;
  }

  /**
   * Notes the members in `index`; false where only unpacking tells what the tree becomes, or whether it can. Throws
   * as `readTar` does.
   */
  async note(
    index: ContextIndex,
    limits: ContextLimits,
    owner: Owner | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    let isPlain = true;
    const turn = { members: 0, bytes: 0 };
    const members = noteMembers(readTar(this.stream(), limits), index, owner, signal);
    for await (const member of members) {
      signal.throwIfAborted();
      isPlain &&= member.attributes.length === 0 && !hasLongName(member);
      await this.keep(member);
      turn.members += 1;
      turn.bytes += member.size;
      if (turn.members < turnMembers && turn.bytes < turnBytes) continue;
      Object.assign(turn, { members: 0, bytes: 0 });
      await nextTurn();
    }
    return isPlain && index.isExact;
  }

  /** Content of a regular file of `size` bytes at `path`, as its index has them. */
  file(path: Buffer, size: number): Buffer {
    const content = Buffer.alloc(size);
    for (const { offset, data } of this.files.get(path.toString("latin1")) ?? []) {
      content.set(data, offset);
    }
    return content;
  }

  async *stream(): AsyncGenerator<Buffer, void, void> {
    yield this.content;
  }

  [Symbol.dispose](): void {
    this.memory.give(this.taken);
    this.taken = 0;
  }

  private async keep(member: TarEntry): Promise<void> {
    const key = pathBelowRoot(member.name).toString("latin1");
    if (member.kind === "hardlink") {
      const first = this.files.get(pathBelowRoot(member.linkName).toString("latin1"));
      if (first !== undefined) this.files.set(key, first);
    }
    if (member.kind !== "file") return;
    const pieces: TarPiece[] = [];
    for await (const piece of member.pieces()) pieces.push(piece);
    this.files.set(key, pieces);
  }

  private grow(size: number): boolean {
    if (size > largestHeld) return false;
    const wanted = Math.max(smallestBlock, 2 ** Math.ceil(Math.log2(size)));
    if (!this.memory.take(wanted - this.taken)) return false;
    this.taken = wanted;
    const block = Buffer.allocUnsafeSlow(wanted);
    block.set(this.content);
    this.block = block;
    return true;
  }
}

/** The tar in memory, or as a stream where it is too large for that. */
export async function gather(
  tar: AsyncIterable<Uint8Array>,
  memory: HeldMemory,
): Promise<HeldTar | AsyncIterable<Uint8Array>> {
  const source = tar[Symbol.asyncIterator]();
  const held = new HeldTar(memory);
  try {
    for (;;) {
      const next = await source.next();
      if (next.done === true) return held;
      if (held.append(next.value)) continue;
      held[Symbol.dispose]();
      return joined([held.content, next.value], source);
    }
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

async function* joined(
  first: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* first;
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      yield next.value;
    }
  } finally {
    await source.return?.();
  }
}

function hasLongName({ name }: TarEntry): boolean {
  if (name.length <= longestName) return false;
  return name
    .toString("latin1")
    .split("/")
    .some((part) => part.length > longestName);
}
