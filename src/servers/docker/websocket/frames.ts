import { invalid } from "../failures.ts";

/** RFC 6455, section 5.2. */
export const opcode = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

/** Codes of close frames, section 7.4.1. */
export const closeCode = { normal: 1000, protocolError: 1002 } as const;

const longestControl = 125;

export type FramePart =
  | { readonly kind: "data"; readonly bytes: Buffer }
  | { readonly kind: "control"; readonly opcode: number; readonly bytes: Buffer };

/** A whole frame of a server: not masked. */
export function encodeFrame(code: number, payload: Uint8Array): Buffer {
  return Buffer.concat([frameHead(code, payload.length), payload]);
}

export function frameHead(code: number, length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | code, length]);
  const isShort = length < 65_536;
  const head = Buffer.alloc(isShort ? 4 : 10);
  head[0] = 0x80 | code;
  head[1] = isShort ? 126 : 127;
  if (isShort) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

interface Frame {
  readonly opcode: number;
  readonly mask: Buffer;
  remaining: number;
  /** Bytes seen, by which the mask goes on. */
  seen: number;
}

/**
 * Reads a client's frames. Data is given on piece by piece, whatever its messages' bounds: it is a
 * stream of bytes. Nothing is held but a head and a control frame, so no length can fill memory.
 */
export class FrameReader {
  private head = Buffer.alloc(0);
  private frame: Frame | undefined;
  private control: Buffer[] = [];
  private isInMessage = false;

  /** Throws on what breaks the protocol; the connection has to end then. */
  *feed(chunk: Buffer): Generator<FramePart> {
    let rest = chunk;
    for (;;) {
      if (this.frame === undefined) {
        this.head = Buffer.concat([this.head, rest]);
        const size = headSize(this.head);
        if (size === null || this.head.length < size) return;
        rest = this.head.subarray(size);
        this.frame = this.begin(this.head.subarray(0, size));
        this.head = Buffer.alloc(0);
      }
      const { frame } = this;
      const piece = unmask(frame, rest.subarray(0, frame.remaining));
      rest = rest.subarray(piece.length);
      frame.remaining -= piece.length;
      if (frame.opcode >= opcode.close) this.control.push(piece);
      else if (piece.length > 0) yield { kind: "data", bytes: piece };
      if (frame.remaining > 0) return;
      this.frame = undefined;
      if (frame.opcode < opcode.close) continue;
      yield { kind: "control", opcode: frame.opcode, bytes: Buffer.concat(this.control) };
      this.control = [];
    }
  }

  private begin(head: Buffer): Frame {
    const code = head[0]! & 0x0f;
    const isFinal = (head[0]! & 0x80) !== 0;
    if ((head[0]! & 0x70) !== 0) throw invalid("reserved bits are set");
    if ((head[1]! & 0x80) === 0) throw invalid("a client's frame is not masked");
    const remaining = payloadLength(head);
    if (code >= opcode.close) {
      if (code > opcode.pong || !isFinal || remaining > longestControl) {
        throw invalid("not a control frame");
      }
    } else {
      if (code > opcode.binary || (code === opcode.continuation) !== this.isInMessage) {
        throw invalid("not a frame of a message");
      }
      this.isInMessage = !isFinal;
    }
    return { opcode: code, mask: Buffer.from(head.subarray(-4)), remaining, seen: 0 };
  }
}

/** Bytes of the head that begins here; null while that cannot be told. */
function headSize(bytes: Buffer): number | null {
  if (bytes.length < 2) return null;
  const length = bytes[1]! & 0x7f;
  const mask = (bytes[1]! & 0x80) === 0 ? 0 : 4;
  return 2 + mask + (length === 126 ? 2 : length === 127 ? 8 : 0);
}

function payloadLength(head: Buffer): number {
  const length = head[1]! & 0x7f;
  if (length < 126) return length;
  if (length === 126) return head.readUInt16BE(2);
  const long = head.readBigUInt64BE(2);
  if (long > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid("a frame is too long");
  return Number(long);
}

function unmask(frame: Frame, masked: Buffer): Buffer {
  const plain = Buffer.allocUnsafe(masked.length);
  for (let index = 0; index < masked.length; index += 1) {
    plain[index] = masked[index]! ^ frame.mask[(frame.seen + index) & 3]!;
  }
  frame.seen = (frame.seen + masked.length) & 3;
  return plain;
}
