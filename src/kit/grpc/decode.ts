import { DuetError } from "../errors.ts";
import type { Field, Message } from "./method.ts";

/** Fields in one message, those in messages inside it counted: what a few bytes can make of memory is bounded. */
const maximumFields = 250_000;
const maximumDepth = 24;

/** Reads a message of protocol buffers. Throws `invalid` PROTOBUF_INVALID. */
export function decode<T>(message: Message<T>, data: Buffer): T;
export function decode(message: Message<unknown>, data: Buffer): unknown {
  return new Decoder(data).message(message, data.length, 0);
}

function broken(why: string): DuetError {
  return new DuetError("invalid", "PROTOBUF_INVALID", `not a message of protocol buffers: ${why}`);
}

class Decoder {
  private readonly data: Buffer;
  private position = 0;
  private count = 0;

  constructor(data: Buffer) {
    this.data = data;
  }

  message(message: Message<unknown>, end: number, depth: number): Record<string, unknown> {
    if (depth > maximumDepth) throw broken("it is nested too deeply");
    const { names, value: empty } = shapeOf(message);
    const value = empty();
    while (this.position < end) {
      this.count += 1;
      if (this.count > maximumFields) throw broken("it has too many fields");
      const key = this.number(end);
      const name = names.get(key >>> 3);
      if (name === undefined) this.skip(key & 7, end);
      else this.field(value, name, message.fields[name]!, key & 7, end, depth);
    }
    return value;
  }

  private field(
    value: Record<string, unknown>,
    name: string,
    field: Field<unknown>,
    wire: number,
    end: number,
    depth: number,
  ): void {
    if (field.label === "map") {
      const [key, item] = this.entry(field, this.length(wire, end), depth);
      (value[name] as Map<string, unknown>).set(key, item);
    } else if (field.label === "one") {
      value[name] = this.value(field, wire, end, depth);
    } else if (wire === 2 && isNumeric(field)) {
      const last = this.length(wire, end);
      while (this.position < last) {
        this.count += 1;
        if (this.count > maximumFields) throw broken("it has too many fields");
        (value[name] as unknown[]).push(this.value(field, 0, last, depth));
      }
    } else {
      (value[name] as unknown[]).push(this.value(field, wire, end, depth));
    }
  }

  private entry(field: Field<unknown>, end: number, depth: number): [string, unknown] {
    let key = "";
    let item: unknown = defaultOf(field);
    while (this.position < end) {
      const tag = this.number(end);
      if (tag === 10) key = this.slice(2, end).toString("utf8");
      else if (tag >>> 3 === 2) item = this.value(field, tag & 7, end, depth);
      else this.skip(tag & 7, end);
    }
    if (item === undefined && field.of !== undefined) item = shapeOf(field.of).value();
    return [key, item];
  }

  private value(field: Field<unknown>, wire: number, end: number, depth: number): unknown {
    if (isNumeric(field)) {
      if (wire !== 0) throw broken("a number is none");
      if (field.kind === "bigint") return BigInt.asIntN(64, this.varint(end));
      const number = this.number(end);
      if (field.kind === "bool") return number !== 0;
      if (!Number.isSafeInteger(number)) throw broken("a number is too large");
      return number;
    }
    if (field.kind === "message") {
      const last = this.length(wire, end);
      return this.message(field.of!, last, depth + 1);
    }
    const part = this.slice(wire, end);
    return field.kind === "bytes" ? part : part.toString("utf8");
  }

  private slice(wire: number, end: number): Buffer {
    const last = this.length(wire, end);
    const part = this.data.subarray(this.position, last);
    this.position = last;
    return part;
  }

  /** Where the part that begins here ends. */
  private length(wire: number, end: number): number {
    if (wire !== 2) throw broken("a part has no length");
    const length = this.varint(end);
    if (length > BigInt(end - this.position)) throw broken("a part is longer than the whole");
    return this.position + Number(length);
  }

  /** Most numbers are of few bytes, which need no big integer. Beyond 2^53 it is near what was sent, and no safe integer. */
  private number(end: number): number {
    const first = this.position;
    for (let at = first, value = 0; at < end && at < first + 4; at += 1) {
      const byte = this.data[at]!;
      value |= (byte & 0x7f) << (7 * (at - first));
      if (byte < 0x80) {
        this.position = at + 1;
        return value;
      }
    }
    return Number(BigInt.asIntN(64, this.varint(end)));
  }

  private varint(end: number): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.position >= end) throw broken("it ends early");
      const byte = this.data[this.position]!;
      this.position += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw broken("a number does not end");
  }

  private skip(wire: number, end: number): void {
    if (wire === 0) this.varint(end);
    else if (wire === 2) this.position = this.length(wire, end);
    else if (wire === 1 || wire === 5) this.position += wire === 1 ? 8 : 4;
    else throw broken("a field is of no known kind");
    if (this.position > end) throw broken("it ends early");
  }
}

function isNumeric(field: Field<unknown>): boolean {
  return field.kind === "int" || field.kind === "bigint" || field.kind === "bool";
}

/** What is read of a message again and again. */
interface Shape {
  readonly names: ReadonlyMap<number, string>;
  /** A message of which nothing was sent. */
  value(): Record<string, unknown>;
}

const known = new WeakMap<Message<unknown>, Shape>();

function shapeOf(message: Message<unknown>): Shape {
  const found = known.get(message);
  if (found !== undefined) return found;
  const fields = Object.entries(message.fields);
  const constants = Object.fromEntries(fields.map(([name, field]) => [name, defaultOf(field)]));
  const lists = fields.filter(([, { label }]) => label === "list").map(([name]) => name);
  const maps = fields.filter(([, { label }]) => label === "map").map(([name]) => name);
  const shape: Shape = {
    names: new Map(fields.map(([name, { number }]) => [number, name])),
    value: () => {
      const value = { ...constants };
      for (const name of lists) value[name] = [];
      for (const name of maps) value[name] = new Map();
      return value;
    },
  };
  known.set(message, shape);
  return shape;
}

const noBytes = Buffer.alloc(0);

function defaultOf(field: Field<unknown>): unknown {
  const values = { string: "", bool: false, int: 0, bigint: 0n, message: undefined };
  return field.kind === "bytes" ? noBytes : values[field.kind];
}
