import { tarInvalid } from "./entry.ts";

/** Records of a PAX extended header, values as bytes; keys that hold binary parts are latin1 text. */
export interface PaxRecords {
  readonly values: ReadonlyMap<string, Buffer>;
  /** GNU.sparse.offset and .numbytes of sparse format 0.0, which repeat, in order. */
  readonly sparsePairs: readonly Buffer[];
}

export const emptyPax: PaxRecords = { values: new Map(), sparsePairs: [] };

/** Keys that only one parser in two would believe when they apply to many members. */
const neverGlobal = new Set(["path", "linkpath", "size"]);

/**
 * Reads `LENGTH KEY=VALUE\n` records (POSIX.1-2018 pax, "pax Extended Header"). Anything malformed
 * and any repeated key throws TAR_INVALID: parsers differ in what they make of those.
 */
export function parsePax(data: Buffer, global: boolean): PaxRecords {
  const values = new Map<string, Buffer>();
  const sparsePairs: Buffer[] = [];
  let position = 0;
  while (position < data.length) {
    const space = data.indexOf(0x20, position);
    if (space < 0 || space === position || space - position > 8) throw malformed();
    const lengthText = data.toString("latin1", position, space);
    if (!/^[1-9][0-9]*$/.test(lengthText)) throw malformed();
    const end = position + Number(lengthText);
    if (end > data.length || end <= space + 1 || data[end - 1] !== 0x0a) throw malformed();
    const equals = data.indexOf(0x3d, space + 1);
    if (equals <= space + 1 || equals >= end) throw malformed();
    const key = data.toString("latin1", space + 1, equals);
    const value = Buffer.from(data.subarray(equals + 1, end - 1));
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") {
      if ((sparsePairs.length % 2 === 0) !== (key === "GNU.sparse.offset")) throw malformed();
      sparsePairs.push(value);
    } else {
      if (values.has(key))
        throw tarInvalid(`the extended header repeats ${JSON.stringify(key.slice(0, 60))}`);
      if (global && (neverGlobal.has(key) || key.startsWith("GNU.sparse."))) {
        throw tarInvalid(`${key} in a global extended header`);
      }
      values.set(key, value);
    }
    position = end;
  }
  return { values, sparsePairs };
}

function malformed(): Error {
  return tarInvalid("an extended header's record is malformed");
}

/** A whole number without sign, at most 2⁵³. */
export function paxInteger(value: Buffer, key: string): number {
  const text = value.toString("latin1");
  const number = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || !Number.isSafeInteger(number)) {
    throw tarInvalid(`${key} in the extended header is not a number`);
  }
  return number;
}

/** Seconds with a fraction, as whole seconds and the nanoseconds after them. */
export function paxTime(value: Buffer): { readonly seconds: number; readonly nanoseconds: number } {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{0,40}))?$/.exec(value.toString("latin1"));
  if (match === null) throw tarInvalid("mtime in the extended header is not a time");
  const whole = Number(match[2]);
  const fraction = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, nanoseconds: fraction };
  if (fraction === 0) return { seconds: -whole, nanoseconds: 0 };
  return { seconds: -whole - 1, nanoseconds: 1_000_000_000 - fraction };
}

/** One record; its length counts its own digits. */
export function paxRecord(key: Buffer | string, value: Buffer | string): Buffer {
  const body = Buffer.concat([
    Buffer.from(" "),
    bytes(key),
    Buffer.from("="),
    bytes(value),
    Buffer.from("\n"),
  ]);
  let digits = 1;
  while (String(body.length + digits).length !== digits) digits += 1;
  return Buffer.concat([Buffer.from(String(body.length + digits)), body]);
}

function bytes(value: Buffer | string): Buffer {
  return typeof value === "string" ? Buffer.from(value) : value;
}
