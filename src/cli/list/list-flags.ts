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

export function allFlag(summary: string): FlagSpec {
  return { name: "all", short: "a", kind: "boolean", summary };
}

/** What a prune spares; `example` is one such filter. */
export function pruneFilterFlag(example: string): FlagSpec {
  return {
    name: "filter",
    kind: "list",
    value: "filter",
    summary: `Provide filter values (e.g. "${example}")`,
  };
}
