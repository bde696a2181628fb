import type { DuetError } from "../../kit/errors.ts";
import type { FieldShape, ObjectShape, Shape } from "../../spec/docker/shape.ts";
import { invalid } from "./failures.ts";

/**
 * Reads JSON into a shape as Go's encoding/json fills a struct: unknown keys are ignored, keys match
 * without case, null is as if absent, and so are fields that `apiVersion` (1000 × major + minor)
 * does not have, of which the newest one is meant by default. Throws `invalid` in Go's words on a value of another type.
 */
export function readShape<T>(
  shape: ObjectShape<T>,
  value: unknown,
  apiVersion: number = Number.POSITIVE_INFINITY,
): T {
  return readObject(shape, value, { path: "", root: shape.go, apiVersion }) as T;
}

interface Place {
  /** Dotted names of fields, from the root on. */
  readonly path: string;
  /** Name of the type that is read. */
  readonly root: string;
  readonly apiVersion: number;
}

function read(shape: Shape, value: unknown, place: Place): unknown {
  if (value === null || value === undefined) return zeroOf(shape);
  switch (shape.kind) {
    case "string":
      return readString(shape, value, place);
    case "bool":
      if (typeof value !== "boolean") throw mismatch(shape, value, place);
      return value;
    case "number":
      return readNumber(shape, value, place);
    case "words":
      if (typeof value === "string") return [readString(shape, value, place)];
      return readList(shape, wordShape, value, place);
    case "list":
      return readList(shape, shape.of, value, place);
    case "map":
      return readMap(shape, shape.of, value, place);
    case "struct":
      if (!isObject(value)) throw mismatch(shape, value, place);
      return {};
    case "any":
      return value;
    default:
      return readObject(shape, value, place);
  }
}

function readObject(shape: ObjectShape<unknown>, value: unknown, place: Place): object {
  if (!isObject(value)) throw mismatch(shape, value, place);
  const result: Record<string, unknown> = shape.complete ? zeroOf(shape) : {};
  for (const key of Object.keys(value)) {
    const content = value[key];
    const field = shape.fields.get(key) ?? shape.fields.get(key.toLowerCase());
    if (content === null || field === undefined || !isIn(field.shape, place.apiVersion)) continue;
    result[field.name] = read(field.shape, content, {
      ...place,
      path: place.path === "" ? field.name : `${place.path}.${field.name}`,
    });
  }
  return result;
}

function isIn({ since = 0, until = Number.POSITIVE_INFINITY }: FieldShape, version: number) {
  return since <= version && version <= until;
}

const wordShape: Shape = { kind: "string", go: "string" };

function readList(shape: Shape, of: Shape, value: unknown, place: Place): unknown[] {
  if (!Array.isArray(value)) throw mismatch(shape, value, place);
  return value.map((item) => read(of, item, place));
}

function readMap(shape: Shape, of: Shape, value: unknown, place: Place): object {
  if (!isObject(value)) throw mismatch(shape, value, place);
  const entries = Object.entries(value).map(([key, content]): [string, unknown] => [
    readString(wordShape, key, place),
    read(of, content, place),
  ]);
  // Unlike an assignment, this makes an own property of a key such as __proto__.
  return Object.fromEntries(entries);
}

function readString(shape: Shape, value: unknown, place: Place): string {
  if (typeof value !== "string") throw mismatch(shape, value, place);
  if (value.includes("\0")) throw invalid(`${place.path || "the body"} holds a NUL byte`);
  return value;
}

function readNumber(
  shape: Extract<Shape, { readonly kind: "number" }>,
  value: unknown,
  place: Place,
): number {
  const isNumber = typeof value === "number" && (!shape.whole || Number.isSafeInteger(value));
  if (!isNumber || Object.is(value, -0) || value < shape.minimum || value > shape.maximum) {
    throw mismatch(shape, value, place);
  }
  return value;
}

/** What null stands for in a list or a map. */
function zeroOf(shape: ObjectShape<unknown>): Record<string, unknown>;
function zeroOf(shape: Shape): unknown;
function zeroOf(shape: Shape): unknown {
  switch (shape.kind) {
    case "object": {
      const fields = shape.complete ? [...shape.fields.values()] : [];
      return Object.fromEntries(fields.map((field) => [field.name, zeroOf(field.shape)]));
    }
    case "string":
      return "";
    case "bool":
      return false;
    case "number":
      return 0;
    case "words":
    case "list":
      return [];
    case "any":
      return null;
    default:
      return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mismatch(shape: Shape, value: unknown, { path, root }: Place): DuetError {
  const got = typeof value === "number" ? `number ${JSON.stringify(value)}` : wordOf(value);
  const where = path === "" ? "Go value" : `Go struct field ${root}.${path}`;
  return invalid(`invalid JSON: json: cannot unmarshal ${got} into ${where} of type ${shape.go}`);
}

function wordOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}
