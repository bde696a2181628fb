import type { Catalogue } from "../../tools/docker-api/catalogue.ts";
import { parseField, type Field, type FieldType } from "../../tools/docker-api/notation.ts";

const wholeNumbers: Readonly<Record<string, readonly [least: number, most: number]>> = {
  int: [-(2 ** 53), 2 ** 53],
  int64: [-(2 ** 63), 2 ** 63],
  uint: [0, 2 ** 64],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2 ** 64],
};
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** Entries of a list that are looked at: those after them are made by the same code. */
const longest = 50;

/** Compares values that the server gave with what the description says of their types. */
export class ValueCheck {
  private readonly catalogue: Catalogue;
  /** Types that requests bring, too: Go gives null for what was left out of them. */
  private readonly asked: ReadonlySet<string>;
  private readonly fields = new Map<string, Map<string, Field>>();

  constructor(catalogue: Catalogue, asked: ReadonlySet<string>) {
    this.catalogue = catalogue;
    this.asked = asked;
  }

  /** What is wrong with a value of the type that `text` names, a sentence each. */
  check(text: string, value: unknown, apiVersion: number): readonly string[] {
    const faults: string[] = [];
    this.value(parseField(text).type, value, { path: "", apiVersion, nulls: false, faults });
    return faults;
  }

  private value(type: FieldType, value: unknown, place: Place): void {
    const wrong = (wanted: string): void => {
      place.faults.push(`${place.path || "the answer"} is not ${wanted}: ${shown(value)}`);
    };
    switch (type.kind) {
      case "nullable":
        if (value !== null) this.value(type.of, value, place);
        return;
      case "list":
        if (!Array.isArray(value)) {
          if (value !== null || !place.nulls) wrong("a list");
          return;
        }
        for (const item of value.slice(0, longest)) this.value(type.of, item, at(place, "[]"));
        return;
      case "map":
        if (!isObject(value)) {
          if (value !== null || !place.nulls) wrong("an object");
          return;
        }
        for (const item of Object.values(value)) this.value(type.of, item, at(place, "{}"));
        return;
      case "literals":
        if (!type.values.includes(value as string)) wrong(`one of ${type.values.join(", ")}`);
        return;
      case "named":
        this.named(type.name, value, place);
        return;
      default:
        if (value === null && place.nulls) return;
        if (!fits(type.name, value)) wrong(type.name);
    }
  }

  private named(name: string, value: unknown, place: Place): void {
    const description = this.catalogue.get(name);
    const nulls = this.asked.has(name);
    if ("is" in description) {
      this.value(parseField(description.is).type, value, { ...place, nulls });
      return;
    }
    if (!isObject(value)) {
      if (value !== null || !place.nulls) {
        place.faults.push(`${place.path || "the answer"} is no ${name}: ${shown(value)}`);
      }
      return;
    }
    this.object(this.fieldsOf(name), value, { ...place, nulls });
  }

  private object(
    fields: ReadonlyMap<string, Field>,
    value: Readonly<Record<string, unknown>>,
    place: Place,
  ): void {
    for (const key of Object.keys(value)) {
      if (!fields.has(key)) place.faults.push(`${at(place, key).path} is not described`);
    }
    for (const [key, field] of fields) {
      const there = at(place, key);
      // Answers repeat what was asked for; which version asked for it is no longer known.
      const isIn =
        place.nulls ||
        ((field.since ?? 0) <= place.apiVersion &&
          place.apiVersion <= (field.until ?? Number.POSITIVE_INFINITY));
      if (!Object.hasOwn(value, key)) {
        if (isIn && !field.optional) place.faults.push(`${there.path} is missing`);
      } else if (isIn) this.value(field.type, value[key], there);
      else place.faults.push(`${there.path} does not belong to API version ${place.apiVersion}`);
    }
  }

  private fieldsOf(name: string): Map<string, Field> {
    const known = this.fields.get(name);
    if (known !== undefined) return known;
    const description = this.catalogue.get(name);
    const fields = "is" in description ? new Map() : this.catalogue.fieldsOf(description);
    this.fields.set(name, fields);
    return fields;
  }
}

interface Place {
  readonly path: string;
  readonly apiVersion: number;
  /** Whether null may stand for what was left out. */
  readonly nulls: boolean;
  readonly faults: string[];
}

function at(place: Place, key: string): Place {
  return { ...place, path: place.path === "" ? key : `${place.path}.${key}` };
}

function fits(name: string, value: unknown): boolean {
  switch (name) {
    case "any":
      return true;
    case "null":
      return value === null;
    case "string":
      return typeof value === "string";
    case "time":
      return typeof value === "string" && rfc3339.test(value);
    case "bool":
      return typeof value === "boolean";
    case "float64":
      return typeof value === "number";
    case "struct":
      return isObject(value);
    case "words":
      return Array.isArray(value) && value.every((word) => typeof word === "string");
    default: {
      const [least, most] = wholeNumbers[name]!;
      return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
    }
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "nothing").slice(0, 80);
}
