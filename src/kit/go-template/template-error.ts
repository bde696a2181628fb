import { DuetError } from "../errors.ts";

/** `invalid` BAD_TEMPLATE; `why` completes "cannot use the template". */
export function templateError(why: string): DuetError {
  return new DuetError("invalid", "BAD_TEMPLATE", `cannot use the template · ${why}`, {
    hint: "templates look like '{{.ID}} {{json .Names}}'",
  });
}
