import type { Address } from "../address.ts";
import { bytesOfAddress } from "../address.ts";

export const recordType = { a: 1, ptr: 12, aaaa: 28 } as const;
export const responseCode = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
} as const;

const headerSize = 12;
const maximumName = 255;
const internetClass = 1;
/** Seconds: short, as an address may belong to another container soon. */
const timeToLive = 30;
const smallestUdp = 512;

/** The one question of a query (RFC 1035, section 4.1). */
export interface Question {
  readonly id: number;
  readonly recursionDesired: boolean;
  /** In lower case, without the last dot; undefined when it holds bytes that no name of ours has. */
  readonly name: string | undefined;
  readonly type: number;
  /** The question section as it came, to be sent back. */
  readonly section: Buffer;
}

/**
 * Reads the question of a query. Compression pointers, which have no place in a question, more than
 * one question, responses and anything cut short give undefined: the message is not answered.
 */
export function readQuestion(message: Buffer): Question | undefined {
  if (message.length < headerSize + 5 || message.length > 4096) return undefined;
  const flags = message.readUInt16BE(2);
  const isQuery = (flags & 0xf800) === 0;
  if (!isQuery || message.readUInt16BE(4) !== 1) return undefined;
  const name = readName(message, headerSize);
  if (name === undefined || name.end + 4 > message.length) return undefined;
  if (message.readUInt16BE(name.end + 2) !== internetClass) return undefined;
  return {
    id: message.readUInt16BE(0),
    recursionDesired: (flags & 0x0100) !== 0,
    name: name.text,
    type: message.readUInt16BE(name.end),
    section: message.subarray(headerSize, name.end + 4),
  };
}

function readName(
  message: Buffer,
  start: number,
): { readonly text: string | undefined; readonly end: number } | undefined {
  const labels: string[] = [];
  let plain = true;
  let at = start;
  while (at < message.length) {
    const length = message[at] ?? 0;
    if (length === 0) {
      return { text: plain ? labels.join(".").toLowerCase() : undefined, end: at + 1 };
    }
    const end = at + 1 + length;
    if (length > 63 || end >= message.length || end - start >= maximumName) return undefined;
    const label = message.toString("latin1", at + 1, end);
    plain &&= /^[\w-]+$/.test(label);
    labels.push(label);
    at = end;
  }
  return undefined;
}

/** A response without records. */
export function emptyResponse(question: Question, code: number): Buffer {
  return Buffer.concat([responseHeader(question, code, 0), question.section]);
}

/** Addresses in answer to A or AAAA, as many as fit the smallest datagram. */
export function addressResponse(question: Question, addresses: readonly Address[]): Buffer {
  const records = addresses.map((address) => record(question.type, bytesOfAddress(address)));
  return responseWith(question, records);
}

/** A name in answer to PTR. */
export function nameResponse(question: Question, name: string): Buffer {
  const labels = name.split(".").flatMap((label) => {
    const bytes = Buffer.from(label, "latin1").subarray(0, 63);
    return [Buffer.of(bytes.length), bytes];
  });
  return responseWith(question, [record(recordType.ptr, Buffer.concat([...labels, Buffer.of(0)]))]);
}

function responseWith(question: Question, records: readonly Buffer[]): Buffer {
  const fitting: Buffer[] = [];
  let size = headerSize + question.section.length;
  for (const one of records) {
    size += one.length;
    if (size > smallestUdp) break;
    fitting.push(one);
  }
  const header = responseHeader(question, responseCode.ok, fitting.length);
  return Buffer.concat([header, question.section, ...fitting]);
}

function responseHeader(question: Question, code: number, answers: number): Buffer {
  const header = Buffer.alloc(headerSize);
  header.writeUInt16BE(question.id, 0);
  header.writeUInt16BE(0x8080 | (question.recursionDesired ? 0x0100 : 0) | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(answers, 6);
  return header;
}

/** A record about the question's name, which a pointer repeats. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc000 | headerSize, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(internetClass, 4);
  head.writeUInt32BE(timeToLive, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

/** Whether `response` answers the query with that id and question, and nothing else. */
export function answers(response: Buffer, id: number, section: Buffer): boolean {
  if (response.length < headerSize + section.length) return false;
  if (response.readUInt16BE(0) !== id || (response[2]! & 0x80) === 0) return false;
  const echoed = response.subarray(headerSize, headerSize + section.length).toString("latin1");
  return echoed.toLowerCase() === section.toString("latin1").toLowerCase();
}

export function isTruncated(response: Buffer): boolean {
  return (response[2]! & 0x02) !== 0;
}

/** The address that a name under in-addr.arpa or ip6.arpa stands for, as text to parse. */
export function reverseAddressText(name: string): string | undefined {
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (four !== null) return four.slice(1).toReversed().join(".");
  if (!/^([0-9a-f]\.){32}ip6\.arpa$/.test(name)) return undefined;
  const digits = name.split(".").slice(0, 32).toReversed().join("");
  return digits.replaceAll(/(.{4})(?=.)/g, "$1:");
}
