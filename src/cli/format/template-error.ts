import { usageError } from "../flags.ts";

/** A `--format` template that cannot be used; `why` completes "cannot use the --format template". */
export function templateError(why: string): Error {
  return usageError(
    "BAD_TEMPLATE",
    `cannot use the --format template · ${why}`,
    "templates look like '{{.ID}} {{json .Names}}'",
  );
}
