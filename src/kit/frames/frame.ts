import { DuetError } from "../errors.ts";

/** A message of a framed protocol: docs/internals/protocol.md draws the layout. */
export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

export const frameHeaderSize = 12;

/** The header of a frame whose payload is `payloadSize` bytes long. */
export function frameHeader(type: number, channel: number, payloadSize: number): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderSize);
  header.writeUInt32LE(payloadSize, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(0, 6);
  header.writeUInt32LE(channel, 8);
  return header;
}

export function encodeFrame(type: number, channel: number, payload: Uint8Array): Buffer {
  return Buffer.concat([frameHeader(type, channel, payload.length), payload]);
}

/**
 * Cuts a byte stream into frames. `push` hands over every frame that is whole by now; payloads may
 * share memory with the pushed bytes. Throws `corrupt` PROTOCOL on a payload over the limit or
 * unknown flags, and is of no use afterwards.
 */
export class FrameDecoder {
  private readonly maximumPayload: number;
  private readonly parts: Buffer[] = [];
  private buffered = 0;

  constructor(maximumPayload: number) {
    this.maximumPayload = maximumPayload;
  }

  /** Bytes of an unfinished frame. */
  get pending(): number {
    return this.buffered;
  }

  push(data: Buffer, take: (frame: Frame) => void): void {
    this.parts.push(data);
    this.buffered += data.length;
    let needed = this.needed();
    if (this.buffered < needed) return;
    let bytes = this.parts.length === 1 ? data : Buffer.concat(this.parts);
    this.parts.length = 0;
    while (bytes.length >= frameHeaderSize) {
      needed = this.frameSize(bytes);
      if (bytes.length < needed) break;
      take({
        type: bytes.readUInt16LE(4),
        channel: bytes.readUInt32LE(8),
        payload: bytes.subarray(frameHeaderSize, needed),
      });
      bytes = bytes.subarray(needed);
    }
    this.buffered = bytes.length;
    if (bytes.length > 0) this.parts.push(bytes);
  }

  /** Bytes that must be there before anything can be handed over. */
  private needed(): number {
    if (this.buffered < frameHeaderSize) return frameHeaderSize;
    const first = this.parts[0]!;
    if (first.length >= frameHeaderSize) return this.frameSize(first);
    return this.frameSize(Buffer.concat(this.parts).subarray(0, frameHeaderSize));
  }

  private frameSize(bytes: Buffer): number {
    const length = bytes.readUInt32LE(0);
    if (length > this.maximumPayload || bytes.readUInt16LE(6) !== 0) {
      throw new DuetError(
        "corrupt",
        "PROTOCOL",
        "the other side sent a frame that breaks the protocol",
      );
    }
    return frameHeaderSize + length;
  }
}
