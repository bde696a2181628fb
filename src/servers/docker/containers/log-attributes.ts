import type { ContainerRecord } from "../../../domain/container.ts";
import { linearPattern } from "../linear-pattern.ts";

/**
 * What `details` puts before each line: the labels and variables that the log options name, and the
 * tag, in the form of a query and sorted (moby, daemon/logger/loginfo.go).
 */
export function logAttributes(record: ContainerRecord): string {
  const { options } = record.spec.logging;
  const variables = Object.fromEntries(
    record.resolved.env.map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
  const attributes = new Map([
    ...chosen(record.resolved.labels, options["labels"], options["labels-regex"]),
    ...chosen(variables, options["env"], options["env-regex"]),
  ]);
  const tag = tagOf(record, options["tag"] ?? "");
  if (tag !== "") attributes.set("tag", tag);
  return [...attributes]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join(",");
}

function chosen(
  all: Readonly<Record<string, string>>,
  names: string | undefined,
  pattern: string | undefined,
): readonly (readonly [string, string])[] {
  const listed = (names ?? "").split(",").filter((name) => Object.hasOwn(all, name));
  const matches = pattern === undefined || pattern === "" ? null : linearPattern(pattern);
  const matched = matches === null ? [] : Object.keys(all).filter((name) => matches(name));
  return [...listed, ...matched].map((name) => [name, all[name] ?? ""]);
}

/** Docker's tag templates are Go's; these fields are what they are made of. */
function tagOf(record: ContainerRecord, template: string): string {
  const image = record.image.replace(/^sha256:/, "");
  const fields: Readonly<Record<string, string>> = {
    ID: record.id.slice(0, 12),
    FullID: record.id,
    Name: record.name,
    ImageID: image.slice(0, 12),
    ImageFullID: image,
    ImageName: record.spec.image,
    DaemonName: "docker",
  };
  return template.replaceAll(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, name: string) =>
    Object.hasOwn(fields, name) ? (fields[name] ?? "") : whole,
  );
}

/** As Go's url.QueryEscape. */
function escape(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1).replaceAll("*", "%2A");
}
