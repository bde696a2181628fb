import type { Field, Message } from "./method.ts";

/** What may be left out of a message: everything, at every depth. */
export type Sparse<T> = T extends string | number | boolean | bigint | Buffer | undefined
  ? T
  : T extends ReadonlyMap<string, infer V>
    ? ReadonlyMap<string, Sparse<V>>
    : T extends readonly (infer V)[]
      ? readonly Sparse<V>[]
      : { readonly [K in keyof T]?: Sparse<T[K]> };

/** Writes a message of protocol buffers; defaults are left out, as proto3 has it. */
export function encode<T>(message: Message<T>, value: Sparse<T>): Buffer {
  const parts: Buffer[] = [];
  writeMessage(parts, message, value);
  return Buffer.concat(parts);
}

function writeMessage(parts: Buffer[], message: Message<unknown>, value: unknown): void {
  const values = new Map(Object.entries(value ?? {}));
  for (const [name, field] of Object.entries(message.fields)) {
    const content: unknown = values.get(name);
    if (content === undefined) continue;
    if (field.label === "list") {
      for (const item of content as readonly unknown[]) writeField(parts, field, item, true);
    } else if (field.label === "map") {
      for (const [key, item] of content as ReadonlyMap<string, unknown>) {
        const entry: Buffer[] = [];
        writePart(entry, 1, Buffer.from(key));
        writeField(entry, { ...field, number: 2 }, item, true);
        writePart(parts, field.number, Buffer.concat(entry));
      }
    } else {
      writeField(parts, field, content, false);
    }
  }
}

function writeField(parts: Buffer[], field: Field<unknown>, value: unknown, always: boolean): void {
  const { number, kind } = field;
  if (kind === "message") {
    const inner: Buffer[] = [];
    writeMessage(inner, field.of!, value);
    writePart(parts, number, Buffer.concat(inner));
  } else if (kind === "string" || kind === "bytes") {
    const content = kind === "string" ? Buffer.from(value as string) : (value as Buffer);
    if (always || content.length > 0) writePart(parts, number, content);
  } else {
    const whole = BigInt.asUintN(64, BigInt(value as number | bigint | boolean));
    if (always || whole !== 0n) parts.push(varint(BigInt(number) << 3n), varint(whole));
  }
}

function writePart(parts: Buffer[], number: number, content: Buffer): void {
  parts.push(varint((BigInt(number) << 3n) | 2n), varint(BigInt(content.length)), content);
}

function varint(value: bigint): Buffer {
  if (value < 0x80n) return Buffer.from([Number(value)]);
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
