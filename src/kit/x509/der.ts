/** ITU-T X.690: what certificates need of the distinguished encoding rules. */

export function element(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => element(0x31, ...parts);
export const octetString = (content: Uint8Array): Buffer => element(0x04, content);
export const utf8String = (text: string): Buffer => element(0x0c, Buffer.from(text, "utf8"));
export const boolean = (value: boolean): Buffer =>
  element(0x01, Buffer.from([value ? 0xff : 0x00]));
/** `[number]` around whole elements. */
export const explicit = (number: number, content: Uint8Array): Buffer =>
  element(0xa0 | number, content);
/** `[number]` in place of a primitive type's tag. */
export const implicit = (number: number, content: Uint8Array): Buffer =>
  element(0x80 | number, content);

/** A number that is not negative, given as its bytes. */
export function integer(magnitude: Uint8Array): Buffer {
  const first = magnitude.findIndex((byte) => byte !== 0);
  const bytes = first < 0 ? Buffer.from([0]) : Buffer.from(magnitude).subarray(first);
  return bytes[0]! < 0x80 ? element(0x02, bytes) : element(0x02, Buffer.from([0]), bytes);
}

/** Whole bytes, or the bits of `content` without its last `unused`. */
export function bitString(content: Uint8Array, unused = 0): Buffer {
  return element(0x03, Buffer.from([unused]), content);
}

/** Such as `2.5.29.17`. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

/** RFC 5280 4.1.2.5: two digits of the year until 2049, four from then on. */
export function time(moment: Date): Buffer {
  const text = `${moment.toISOString().replaceAll(/[-:T]/g, "").slice(0, 14)}Z`;
  return moment.getUTCFullYear() < 2050
    ? element(0x17, Buffer.from(text.slice(2), "latin1"))
    : element(0x18, Buffer.from(text, "latin1"));
}
