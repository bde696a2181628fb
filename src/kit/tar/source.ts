import { tarInvalid } from "./entry.ts";

/**
 * Chunks of a stream seen as one row of bytes. Small parts come out contiguous (copied only where
 * they cross a chunk's border), large ones as views of the chunks.
 */
export class ByteSource {
  private readonly iterator: AsyncIterator<Uint8Array>;
  private chunk: Buffer = Buffer.alloc(0);
  private position = 0;
  private ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.iterator = source[Symbol.asyncIterator]();
  }

  /** Bytes at hand without waiting. */
  get available(): number {
    return this.chunk.length - this.position;
  }

  /** The next `size` bytes if they are at hand, else undefined. */
  takeNow(size: number): Buffer | undefined {
    if (this.available < size) return undefined;
    const part = this.chunk.subarray(this.position, this.position + size);
    this.position += size;
    return part;
  }

  /** The next `size` bytes; undefined at a clean end; throws when the stream ends within them. */
  async take(size: number): Promise<Buffer | undefined> {
    const now = this.takeNow(size);
    if (now !== undefined) return now;
    const parts: Buffer[] = [];
    let have = 0;
    while (have < size) {
      if (this.available === 0 && !(await this.fill())) {
        if (have === 0) return undefined;
        throw tarInvalid("it ends in the middle of a member");
      }
      const part = this.takeNow(Math.min(size - have, this.available));
      if (part === undefined) continue;
      parts.push(part);
      have += part.length;
    }
    return Buffer.concat(parts, size);
  }

  /** Between 1 and `limit` of the next bytes, as a view; undefined at the end of the stream. */
  async some(limit: number): Promise<Buffer | undefined> {
    if (this.available === 0 && !(await this.fill())) return undefined;
    return this.takeNow(Math.min(limit, this.available));
  }

  async skip(size: number): Promise<void> {
    let left = size;
    while (left > 0) {
      const part = await this.some(left);
      if (part === undefined) throw tarInvalid("it ends in the middle of a member");
      left -= part.length;
    }
  }

  /** Lets the stream go, so that what feeds it can end. */
  async close(): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await this.iterator.return?.();
  }

  private async fill(): Promise<boolean> {
    while (!this.ended) {
      const next = await this.iterator.next();
      if (next.done === true) {
        this.ended = true;
        return false;
      }
      const { value } = next;
      if (value.length === 0) continue;
      this.chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      this.position = 0;
      return true;
    }
    return false;
  }
}
