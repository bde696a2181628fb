import { DuetError } from "../errors.ts";

/** Tag and value; a list is a group, whose value is again a sequence of fields. */
export type WireField = readonly [
  tag: number,
  value: number | bigint | string | Uint8Array | readonly WireField[],
];

const headerSize = 6;

/** Throws `invalid` FIELD_INVALID on a negative or fractional number, or a NUL in a text. */
export function encodeFields(fields: readonly WireField[]): Buffer {
  return Buffer.concat(fields.flatMap(encodeField));
}

/** Bytes that the fields take when they are sent. Throws as encodeFields does. */
export function encodedSize(fields: readonly WireField[]): number {
  return encodeFields(fields).length;
}

function encodeField([tag, value]: WireField): Buffer[] {
  const bytes = encodeValue(value);
  const header = Buffer.allocUnsafe(headerSize);
  header.writeUInt16LE(tag, 0);
  header.writeUInt32LE(bytes.length, 2);
  return [header, bytes];
}

function encodeValue(value: WireField[1]): Buffer {
  if (typeof value === "number" || typeof value === "bigint") return encodeNumber(value);
  if (typeof value === "string") return encodeText(value);
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return encodeFields(value);
}

function encodeNumber(value: number | bigint): Buffer {
  if (value < 0 || (typeof value === "number" && !Number.isSafeInteger(value))) {
    throw new DuetError(
      "invalid",
      "FIELD_INVALID",
      `the number ${value} cannot be sent to a workload`,
    );
  }
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function encodeText(value: string): Buffer {
  if (value.includes("\0")) {
    throw new DuetError(
      "invalid",
      "FIELD_INVALID",
      "a text with a NUL byte cannot be given to a workload",
    );
  }
  return Buffer.from(value, "utf8");
}

/**
 * The fields of a payload, read by tag; unknown tags are ignored. Throws `corrupt` PROTOCOL on a
 * malformed sequence, a missing field without a default, and numbers over 2⁵³.
 */
export class FieldReader {
  private readonly values = new Map<number, Buffer[]>();

  constructor(payload: Buffer) {
    let offset = 0;
    while (offset < payload.length) {
      if (payload.length - offset < headerSize) throw broken("is cut short");
      const tag = payload.readUInt16LE(offset);
      const length = payload.readUInt32LE(offset + 2);
      offset += headerSize;
      if (length > payload.length - offset) throw broken("is cut short");
      const value = payload.subarray(offset, offset + length);
      const list = this.values.get(tag);
      if (list === undefined) this.values.set(tag, [value]);
      else list.push(value);
      offset += length;
    }
  }

  has(tag: number): boolean {
    return this.values.has(tag);
  }

  number(tag: number, otherwise?: number): number {
    const value = this.bytes(tag);
    if (value === undefined) {
      if (otherwise !== undefined) return otherwise;
      throw broken(`lacks field ${tag}`);
    }
    if (value.length !== 8) throw broken(`has a field ${tag} that is no number`);
    const number = Number(value.readBigUInt64LE());
    if (!Number.isSafeInteger(number)) throw broken(`has a field ${tag} that is too large`);
    return number;
  }

  text(tag: number, otherwise?: string): string {
    const value = this.bytes(tag);
    if (value !== undefined) return value.toString("utf8");
    if (otherwise !== undefined) return otherwise;
    throw broken(`lacks field ${tag}`);
  }

  bytes(tag: number): Buffer | undefined {
    return this.values.get(tag)?.[0];
  }

  groups(tag: number): readonly FieldReader[] {
    return (this.values.get(tag) ?? []).map((value) => new FieldReader(value));
  }

  texts(tag: number): readonly string[] {
    return (this.values.get(tag) ?? []).map((value) => value.toString("utf8"));
  }
}

function broken(how: string): DuetError {
  return new DuetError("corrupt", "PROTOCOL", `an answer of the workload's side ${how}`);
}
