import type { FlagSpec } from "../flags.ts";

export const formatFlag: FlagSpec = {
  name: "format",
  kind: "string",
  summary: "Format output using a Go template: 'table', 'table TEMPLATE', 'json' or 'TEMPLATE'",
  completes: ["json", "table"],
};

export const filterFlag: FlagSpec = {
  name: "filter",
  short: "f",
  kind: "list",
  value: "filter",
  summary: "Filter output based on conditions provided (name=value)",
};

export const noTruncFlag: FlagSpec = {
  name: "no-trunc",
  kind: "boolean",
  summary: "Don't truncate output",
};

export function quietFlag(what: string): FlagSpec {
  return { name: "quiet", short: "q", kind: "boolean", summary: `Only display ${what}` };
}

export const forceFlag: FlagSpec = {
  name: "force",
  short: "f",
  kind: "boolean",
  summary: "Do not prompt for confirmation",
};
