import type { TarAttribute } from "../tar/entry.ts";
import { treeHeaderSize } from "./operations.ts";

/** Owner, permissions and time of something to be made. */
export interface TreeMetadata {
  /** st_mode; the file type matters for nodes only. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedSeconds: number;
  readonly modifiedNanoseconds: number;
}

/** Something met in a tree. */
export interface TreeEntry extends TreeMetadata {
  /** Another name of a file met before, by `device` and `inode`; it comes without content. */
  readonly seen: boolean;
  readonly size: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly links: number;
  readonly device: bigint;
  readonly inode: bigint;
  /** Blocks of 512 bytes. */
  readonly blocks: number;
  readonly path: Buffer;
  readonly linkName: Buffer;
  readonly attributes: readonly TarAttribute[];
  /** When the inode itself was last changed, which no program can set; undefined from an older agent. */
  readonly changed?: { readonly seconds: number; readonly nanoseconds: number } | undefined;
}

/** What is left of a buffer is used for the next frames from this size on. */
const leastLeft = 16 << 10;
const none: readonly TarAttribute[] = [];

/** Builds frames one after another in one buffer, so that many small operations make one write. */
export class FrameBuilder {
  private buffer: Buffer;
  private used = 0;
  private start = 0;
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.buffer = Buffer.allocUnsafeSlow(capacity);
  }

  get size(): number {
    return this.used;
  }

  begin(type: number, id: number): this {
    this.room(treeHeaderSize);
    this.start = this.used;
    this.buffer.writeUInt32LE(type, this.used + 4);
    this.buffer.writeUInt32LE(id, this.used + 8);
    this.used += treeHeaderSize;
    return this;
  }

  /** Ends the frame; `following` bytes of its payload are written by the caller straight after. */
  end(following = 0): void {
    this.buffer.writeUInt32LE(this.used - this.start - treeHeaderSize + following, this.start);
  }

  u8(value: number): this {
    this.room(1);
    this.buffer[this.used] = value;
    this.used += 1;
    return this;
  }

  u32(value: number): this {
    this.room(4);
    this.buffer.writeUInt32LE(value >>> 0, this.used);
    this.used += 4;
    return this;
  }

  /** Also a negative number, as two's complement. */
  u64(value: number): this {
    this.room(8);
    if (value >= 0 && value <= 0xffffffff) {
      this.buffer.writeUInt32LE(value, this.used);
      this.buffer.writeUInt32LE(0, this.used + 4);
    } else {
      this.buffer.writeBigInt64LE(BigInt(value), this.used);
    }
    this.used += 8;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.u32(value.length);
    return this.raw(value);
  }

  raw(value: Uint8Array): this {
    this.room(value.length);
    this.buffer.set(value, this.used);
    this.used += value.length;
    return this;
  }

  metadata(metadata: TreeMetadata): this {
    return this.u32(metadata.mode)
      .u32(metadata.uid)
      .u32(metadata.gid)
      .u64(metadata.modifiedSeconds)
      .u32(metadata.modifiedNanoseconds);
  }

  attributes(attributes: readonly TarAttribute[]): this {
    this.u32(attributes.length);
    for (const { name, value } of attributes) this.bytes(name).bytes(value);
    return this;
  }

  /** What was built so far; the builder starts anew. */
  take(): Buffer {
    const built = this.buffer.subarray(0, this.used);
    const left = this.buffer.subarray(this.used);
    this.buffer = left.length < leastLeft ? Buffer.allocUnsafeSlow(this.capacity) : left;
    this.used = 0;
    return built;
  }

  private room(size: number): void {
    if (this.used + size <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.used + size));
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
  }
}

/** Reads the values of one answer; throws RangeError past its end. */
export class ValueReader {
  private position = 0;
  private readonly data: Buffer;

  constructor(data: Buffer) {
    this.data = data;
  }

  u8(): number {
    const value = this.data.readUInt8(this.position);
    this.position += 1;
    return value;
  }

  u32(): number {
    const value = this.data.readUInt32LE(this.position);
    this.position += 4;
    return value;
  }

  u64(): bigint {
    const value = this.data.readBigUInt64LE(this.position);
    this.position += 8;
    return value;
  }

  i64(): number {
    const value = Number(this.data.readBigInt64LE(this.position));
    this.position += 8;
    return value;
  }

  bytes(): Buffer {
    const size = this.u32();
    if (size > this.data.length - this.position)
      throw new RangeError("a value is longer than its frame");
    const value = Buffer.from(this.data.subarray(this.position, this.position + size));
    this.position += size;
    return value;
  }

  rest(): Buffer {
    return this.data.subarray(this.position);
  }

  entry(): TreeEntry {
    const seen = (this.u8() & 1) !== 0;
    const metadata = {
      mode: this.u32(),
      uid: this.u32(),
      gid: this.u32(),
      modifiedSeconds: this.i64(),
      modifiedNanoseconds: this.u32(),
    };
    const size = this.i64();
    const deviceMajor = this.u32();
    const deviceMinor = this.u32();
    const links = this.i64();
    const device = this.u64();
    const inode = this.u64();
    const blocks = this.i64();
    const path = this.bytes();
    const linkName = this.bytes();
    const count = this.u32();
    const attributes = count === 0 ? none : this.pairs(count);
    const isTold = this.position < this.data.length;
    const changed = isTold ? { seconds: this.i64(), nanoseconds: this.u32() } : undefined;
    return {
      seen,
      ...metadata,
      size,
      deviceMajor,
      deviceMinor,
      links,
      device,
      inode,
      blocks,
      path,
      linkName,
      attributes,
      changed,
    };
  }

  private pairs(count: number): readonly TarAttribute[] {
    const attributes: TarAttribute[] = [];
    for (let left = count; left > 0; left -= 1)
      attributes.push({ name: this.bytes(), value: this.bytes() });
    return attributes;
  }
}
