/**
 * Netlink messages: a header of 16 bytes, a fixed body, attributes of type, length and value, each
 * aligned to 4 bytes (netlink(7), rtnetlink(7)). Numbers are in the host's order, which is
 * little-endian on every platform that Duet runs on, unless a protocol says otherwise.
 */
export const flag = {
  request: 0x1,
  acknowledge: 0x4,
  dump: 0x300,
  exclusive: 0x200,
  replace: 0x100,
  create: 0x400,
} as const;

const nested = 0x8000;
const typeMask = 0x3fff;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

function align(size: number): number {
  return (size + 3) & ~3;
}

/** One attribute. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const buffer = Buffer.alloc(align(4 + value.length));
  buffer.writeUInt16LE(4 + value.length, 0);
  buffer.writeUInt16LE(type, 2);
  buffer.set(value, 4);
  return buffer;
}

export function nest(type: number, ...children: readonly Uint8Array[]): Buffer {
  return attribute(type | nested, Buffer.concat(children));
}

/** An attribute that holds a C string. */
export function text(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`, "utf8"));
}

export function number32(type: number, value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value >>> 0);
  return attribute(type, buffer);
}

export function number8(type: number, value: number): Buffer {
  return attribute(type, Buffer.of(value));
}

/** A whole message; `sequence` is filled in by the socket. */
export function message(type: number, flags: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const buffer = Buffer.alloc(align(16 + body.length));
  buffer.writeUInt32LE(16 + body.length, 0);
  buffer.writeUInt16LE(type, 4);
  buffer.writeUInt16LE(flags | flag.request, 6);
  buffer.set(body, 16);
  return buffer;
}

export function setSequence(one: Buffer, sequence: number): void {
  one.writeUInt32LE(sequence >>> 0, 8);
}

/** Splits what a socket received; a truncated tail is dropped. */
export function splitMessages(received: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at + 16 <= received.length;) {
    const length = received.readUInt32LE(at);
    if (length < 16 || at + length > received.length) break;
    messages.push({
      type: received.readUInt16LE(at + 4),
      flags: received.readUInt16LE(at + 6),
      sequence: received.readUInt32LE(at + 8),
      body: received.subarray(at + 16, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** The attributes in `bytes` by type; of repeated ones the last. */
export function attributesOf(bytes: Buffer): Map<number, Buffer> {
  return new Map(listAttributes(bytes).map((one) => [one.type, one.value]));
}

export function listAttributes(bytes: Buffer): { readonly type: number; readonly value: Buffer }[] {
  const found: { type: number; value: Buffer }[] = [];
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    found.push({
      type: bytes.readUInt16LE(at + 2) & typeMask,
      value: bytes.subarray(at + 4, at + length),
    });
    at += align(length);
  }
  return found;
}

/** A C string out of an attribute. */
export function textOf(value: Buffer | undefined): string {
  if (value === undefined) return "";
  const end = value.indexOf(0);
  return value.toString("utf8", 0, end === -1 ? value.length : end);
}
