import { treeAnswer, treeHeaderSize, treeMaximumPayload } from "./operations.ts";

/** A frame of an answer, or a piece of a CONTENT. */
export interface RawAnswer {
  readonly type: number;
  readonly id: number;
  /** Of CONTENT: where its bytes belong in the file. */
  readonly offset: number;
  /** Of CONTENT: without the offset. A view of what was received. */
  readonly payload: Buffer;
}

const offsetSize = 8;
const empty = Buffer.alloc(0);

/**
 * Cuts what the other side sends into frames. The bytes of files are handed on as they come, in pieces:
 * putting them together would copy each of them once more.
 */
export class AnswerCutter {
  /** Bytes of a frame that is not whole. */
  private parts: Buffer[] = [];
  private size = 0;
  /** How many bytes are needed before anything can be handed over. */
  private needed = treeHeaderSize;
  /** What of the last CONTENT is still to come. */
  private open: { readonly id: number; offset: number; left: number } | undefined;

  /** Throws RangeError on a frame that breaks the protocol. */
  *cut(chunk: Uint8Array): Generator<RawAnswer, void, void> {
    let bytes = this.joined(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    while (bytes.length > 0) {
      if (this.open !== undefined) {
        const piece = this.piece(bytes);
        bytes = bytes.subarray(piece.payload.length);
        yield piece;
        continue;
      }
      const end = this.frameEnd(bytes);
      if (bytes.length < end) {
        this.keep(bytes, end);
        return;
      }
      const answer = this.answer(bytes, end);
      bytes = bytes.subarray(end);
      if (answer !== undefined) yield answer;
    }
  }

  private joined(chunk: Buffer): Buffer {
    if (this.size === 0) return chunk;
    this.parts.push(chunk);
    this.size += chunk.length;
    if (this.size < this.needed) return empty;
    const whole = Buffer.concat(this.parts, this.size);
    this.parts = [];
    this.size = 0;
    return whole;
  }

  private keep(bytes: Buffer, needed: number): void {
    this.parts = [bytes];
    this.size = bytes.length;
    this.needed = needed;
  }

  /** Bytes from the header to what must be at hand: all of the frame, of a CONTENT only its offset. */
  private frameEnd(bytes: Buffer): number {
    if (bytes.length < treeHeaderSize) return treeHeaderSize;
    const length = bytes.readUInt32LE(0);
    if (length > treeMaximumPayload) throw new RangeError("an answer is over the largest size");
    if (bytes.readUInt16LE(4) !== treeAnswer.content) return treeHeaderSize + length;
    if (length < offsetSize) throw new RangeError("a content without its offset");
    return treeHeaderSize + offsetSize;
  }

  /** undefined for the head of a CONTENT with bytes, which follow as pieces. */
  private answer(bytes: Buffer, end: number): RawAnswer | undefined {
    const type = bytes.readUInt16LE(4);
    const id = bytes.readUInt32LE(8);
    if (type !== treeAnswer.content)
      return { type, id, offset: 0, payload: bytes.subarray(treeHeaderSize, end) };
    const offset = Number(bytes.readBigUInt64LE(treeHeaderSize));
    const left = bytes.readUInt32LE(0) - offsetSize;
    if (left > 0) {
      this.open = { id, offset, left };
      return undefined;
    }
    return { type, id, offset, payload: empty };
  }

  private piece(bytes: Buffer): RawAnswer {
    const open = this.open!;
    const { id, offset } = open;
    const payload = bytes.subarray(0, open.left);
    open.offset += payload.length;
    open.left -= payload.length;
    if (open.left === 0) this.open = undefined;
    return { type: treeAnswer.content, id, offset, payload };
  }
}
