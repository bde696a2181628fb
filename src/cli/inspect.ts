import { isDuetError } from "../kit/errors.ts";
import type { Context } from "./command.ts";
import type { FlagSpec } from "./flags.ts";
import { goJson } from "../kit/go-template/go-text.ts";
import { compileTemplate } from "../kit/go-template/template.ts";
import { reportError } from "./report-error.ts";

export const inspectFormatFlag: FlagSpec = {
  name: "format",
  short: "f",
  kind: "string",
  summary:
    "Format output using a custom template: 'json' or a Go template such as '{{.State.Status}}'",
};

/** Looks each word up and prints the objects: a JSON array, or a line each by `--format`. Exit code 1 when one is missing. */
export async function inspectWords(
  context: Context,
  look: (word: string) => Promise<unknown>,
): Promise<number> {
  const format = context.flags.string("format");
  const template =
    format === undefined || format === "json"
      ? null
      : compileTemplate(format.replaceAll("\\t", "\t").replaceAll("\\n", "\n"));
  const found: unknown[] = [];
  let code = 0;
  for (const word of context.words) {
    try {
      found.push(await look(word));
    } catch (error) {
      if (!isDuetError(error, "not-found") && !isDuetError(error, "invalid")) throw error;
      reportError(context.terminal, error, context.global.debug);
      code = 1;
    }
  }
  if (template !== null) for (const value of found) context.terminal.print(template(value));
  else if (format === "json") for (const value of found) context.terminal.print(goJson(value));
  else context.terminal.print(found.length === 0 ? "[]" : goJson(found, 4));
  return code;
}
