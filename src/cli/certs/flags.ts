import { resolve } from "node:path";
import type { FlagSpec, Flags } from "../flags.ts";
import { usageError } from "../flags.ts";

export const directoryFlag: FlagSpec = {
  name: "dir",
  kind: "string",
  default: "/etc/duet/certs",
  summary: "Folder of the certificates",
  completes: "folders",
};

export const daysFlag: FlagSpec = {
  name: "days",
  kind: "integer",
  default: "825",
  summary: "Days until they expire",
};

export function directoryOf(flags: Flags): string {
  return resolve(flags.string("dir")!);
}

/** Throws `invalid` where it is no number of days. */
export function daysOf(flags: Flags): number {
  const days = flags.integer("days")!;
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days;
  throw usageError("BAD_DAYS", `cannot make certificates for ${days} days`, "use 1 to 36500");
}
