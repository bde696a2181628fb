/* The part of MessagePack that the forward protocol needs (msgpack spec.md). */

export function packArray(items: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([0x90 | items.length]), ...items]);
}

/** Up to 65,535 entries. */
export function packMap(entries: ReadonlyMap<string, string | Uint8Array>): Buffer {
  const head = Buffer.from([0xde, entries.size >> 8, entries.size & 0xff]);
  return Buffer.concat([
    entries.size < 16 ? Buffer.from([0x80 | entries.size]) : head,
    ...[...entries].flatMap(([name, value]) => [packText(name), packText(value)]),
  ]);
}

export function packText(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text as Uint8Array);
  const { length } = bytes;
  if (length < 32) return Buffer.concat([Buffer.from([0xa0 | length]), bytes]);
  if (length < 0x100) return Buffer.concat([Buffer.from([0xd9, length]), bytes]);
  if (length < 0x1_0000) {
    return Buffer.concat([Buffer.from([0xda, length >> 8, length & 0xff]), bytes]);
  }
  const head = Buffer.from([0xdb, 0, 0, 0, 0]);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

/** A moment in whole seconds. */
export function packInteger(value: number): Buffer {
  const bytes = Buffer.from([0xce, 0, 0, 0, 0]);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

/** Fluentd's EventTime: extension type 0. */
export function packEventTime(seconds: number, nanoseconds: number): Buffer {
  const bytes = Buffer.from([0xd7, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  bytes.writeUInt32BE(seconds, 2);
  bytes.writeUInt32BE(nanoseconds, 6);
  return bytes;
}
