import { nearest } from "../nearest.ts";
import { goJson, goText, isTruthy } from "./go-text.ts";
import { templateError } from "./template-error.ts";

type TemplateFunction = (...values: readonly unknown[]) => unknown;

/** Go's built-in functions and Docker's additions. */
const functions: Readonly<Record<string, TemplateFunction>> = {
  json: (value) => goJson(value),
  join: (list, separator) => join(asList(list).map(goText), goText(separator)),
  split: (text, separator) => goText(text).split(goText(separator)),
  upper: (text) => goText(text).toUpperCase(),
  lower: (text) => goText(text).toLowerCase(),
  title: (text) => goText(text).replace(/(^|\s)(\p{L})/gu, (word) => word.toUpperCase()),
  pad: (text, before, after) => {
    const inside = goText(text);
    return inside === "" ? "" : " ".repeat(asCount(before)) + inside + " ".repeat(asCount(after));
  },
  truncate: (text, length) => Array.from(goText(text)).slice(0, asCount(length)).join(""),
  print: (...values) => values.map(goText).join(""),
  println: (...values) => `${values.map(goText).join(" ")}\n`,
  printf: (format, ...values) => printf(goText(format), values),
  len: (value) =>
    typeof value === "string" ? Buffer.byteLength(value) : Object.keys(asObject(value)).length,
  index: (value, ...keys) => keys.reduce(at, value),
  slice: (value, from, to) => slice(value, from, to),
  not: (value) => !isTruthy(value),
  and: (...values) => values.find((value) => !isTruthy(value)) ?? values.at(-1),
  or: (...values) => values.find(isTruthy) ?? values.at(-1),
  eq: (first, ...others) => others.some((other) => first === other),
  ne: (left, right) => left !== right,
  lt: (left, right) => compare(left, right) < 0,
  le: (left, right) => compare(left, right) <= 0,
  gt: (left, right) => compare(left, right) > 0,
  ge: (left, right) => compare(left, right) >= 0,
};

export function callFunction(name: string, values: readonly unknown[]): unknown {
  if (!Object.hasOwn(functions, name)) {
    const close = nearest(name, Object.keys(functions));
    throw templateError(
      `there is no function ${name}${close === undefined ? "" : `; did you mean ${close}?`}`,
    );
  }
  return functions[name]!(...values);
}

const longestJoined = 16 << 20;

function join(parts: readonly string[], separator: string): string {
  if (parts.length * separator.length <= longestJoined) return parts.join(separator);
  throw templateError("join would give too much");
}

function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === null || value === undefined) return [];
  throw templateError("join wants a list");
}

function asObject(value: unknown): object {
  if (typeof value === "object" && value !== null) return value;
  if (value === null || value === undefined) return [];
  throw templateError("len wants a list, a map or a text");
}

function asCount(value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= 10_000) return Math.floor(value);
  throw templateError("a count must be a number up to 10000");
}

function at(value: unknown, key: unknown): unknown {
  if (value === null || value === undefined) throw templateError("index of nothing");
  if (typeof value === "string") return Buffer.from(value)[Number(key)];
  if (Array.isArray(value)) {
    if (typeof key !== "number" || key < 0 || key >= value.length) {
      throw templateError(`index ${goText(key)} is out of range`);
    }
    return value[key];
  }
  if (typeof value !== "object") throw templateError("index wants a list or a map");
  const name = goText(key);
  return Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
}

function slice(value: unknown, from: unknown, to: unknown): unknown {
  const start = from === undefined ? 0 : asCount(from);
  const end = to === undefined ? undefined : asCount(to);
  if (typeof value === "string" || Array.isArray(value)) return value.slice(start, end);
  throw templateError("slice wants a list or a text");
}

function compare(left: unknown, right: unknown): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "string" && typeof right === "string")
    return left < right ? -1 : Number(left > right);
  throw templateError("only two numbers or two texts can be compared");
}

/** %s, %v, %d, %q, %t, %f and %%, with width and `-`. */
function printf(format: string, values: readonly unknown[]): string {
  let next = 0;
  return format.replace(
    /%(-?)(\d{0,3})(?:\.(\d{1,2}))?([a-zA-Z%])/g,
    (_whole, left: string, width: string, digits: string | undefined, verb: string) => {
      if (verb === "%") return "%";
      const value = values[next];
      next += 1;
      let text = goText(value);
      if (verb === "q") text = JSON.stringify(text);
      if (verb === "f") text = Number(value).toFixed(digits === undefined ? 6 : Number(digits));
      return left === "" ? text.padStart(Number(width)) : text.padEnd(Number(width));
    },
  );
}
