import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ContextEntry } from "../../../domain/build/files.ts";
import type { Digest } from "../../../domain/digest.ts";
import { DuetError } from "../../../kit/errors.ts";
import { decode } from "../../../kit/grpc/decode.ts";
import { packet, packetTypes } from "../../../spec/buildkit/file-sync.ts";
import { EntryReader, maximumEntries } from "./stat.ts";

/** Bytes of a whole list as it comes. */
const maximumSize = 512 << 20;
/** Of field 2, a nested message: it begins every packet that is an entry and says nothing else. */
const entryTag = 0x12;
const blockSize = 64 << 10;
const lengthSize = 4;

/**
 * What a client tells of its files, one packet an entry, kept as it came. Most lists are those of the build before,
 * and a digest tells so without reading them.
 */
export class FolderList {
  /** Full of packets, each behind its length: thousands of small objects would cost more than their bytes. */
  private readonly blocks: Buffer[] = [];
  private readonly hash = createHash("sha256");
  private block = Buffer.allocUnsafe(blockSize);
  private filled = 0;
  private count = 0;
  private size = 0;

  static isEntry(data: Buffer): boolean {
    return data[0] === entryTag;
  }

  /** Throws `too-large` CONTEXT_TOO_LARGE. */
  add(data: Buffer): void {
    this.count += 1;
    this.size += data.length;
    if (this.count > maximumEntries || this.size > maximumSize) {
      throw new DuetError(
        "too-large",
        "CONTEXT_TOO_LARGE",
        `the build context is over ${maximumEntries} files, or ${maximumSize} bytes of names and attributes`,
        { hint: "leave out what the build does not need with a .dockerignore file" },
      );
    }
    const needed = lengthSize + data.length;
    if (this.filled + needed > this.block.length) this.begin(Math.max(needed, blockSize));
    this.filled = this.block.writeUInt32LE(data.length, this.filled);
    this.filled += data.copy(this.block, this.filled);
  }

  /** Once, when all is added. */
  digest(): Digest {
    this.begin(0);
    return `sha256:${this.hash.digest("hex")}`;
  }

  /** After `digest`. Null stands for one that is left out. Throws `invalid` CONTEXT_INVALID. */
  async entries(signal: AbortSignal): Promise<readonly (ContextEntry | null)[]> {
    const reader = new EntryReader();
    for (const block of this.blocks) {
      // A million files are read for seconds, in which others want to be served.
      await nextTurn();
      signal.throwIfAborted();
      for (let at = 0; at < block.length;) {
        const start = at + lengthSize;
        at = start + block.readUInt32LE(at);
        const { type, stat } = decode(packet, block.subarray(start, at));
        if (type !== packetTypes.stat || stat === undefined) {
          throw new DuetError("invalid", "CONTEXT_INVALID", "the client sent a list with no files");
        }
        reader.add(stat);
      }
    }
    return reader.entries;
  }

  private begin(size: number): void {
    const full = this.block.subarray(0, this.filled);
    this.hash.update(full);
    this.blocks.push(full);
    this.block = Buffer.allocUnsafe(size);
    this.filled = 0;
  }
}
