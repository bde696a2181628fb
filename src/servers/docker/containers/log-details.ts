import type { ContainerRecord } from "../../../domain/container.ts";
import { logAttributes, logTag } from "../../../domain/log-attributes.ts";

/**
 * What `details` puts before each line: the labels and variables that the log options name, and the
 * tag, in the form of a query and sorted.
 */
export function logDetails(record: ContainerRecord): string {
  const attributes = new Map(logAttributes(record));
  const { tag = "" } = record.spec.logging.options;
  if (tag !== "") attributes.set("tag", logTag(record, tag));
  return [...attributes]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join(",");
}

/** As Go's url.QueryEscape. */
function escape(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1).replaceAll("*", "%2A");
}
