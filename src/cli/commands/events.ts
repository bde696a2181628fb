import type { EventMessage } from "../../client/api-types.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { Command } from "../command.ts";
import { usageError } from "../flags.ts";
import { goJson } from "../../kit/go-template/go-text.ts";
import { compileTemplate } from "../../kit/go-template/template.ts";
import { filtersOf } from "../list/filters.ts";
import { filterFlag, formatFlag } from "../list/list-flags.ts";
import { parseMoment } from "../quantities.ts";
import { printable } from "../report-error.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    filterFlag,
    formatFlag,
    { name: "since", kind: "string", summary: "Show all events created since timestamp" },
    { name: "until", kind: "string", summary: "Stream events until this timestamp" },
  ],
  examples: [
    {
      what: "What happens to containers, as JSON",
      line: "duet events --filter type=container --format json",
    },
    { what: "The last ten minutes", line: "duet events --since 10m --until 0s" },
  ],
  async run({ flags, duet, terminal, signal }) {
    const format = flags.string("format");
    const template = format === undefined || format === "json" ? null : compileTemplate(format);
    const query = {
      since: momentOf("since", flags.string("since")),
      until: momentOf("until", flags.string("until")),
      filters: filtersOf(flags.list("filter")),
    };
    try {
      for await (const event of duet().system.events(query, signal)) {
        if (format === "json") terminal.print(goJson(event));
        else terminal.print(template === null ? lineOf(event) : template(event));
      }
    } catch (error) {
      if (!isDuetError(error, "canceled")) throw error;
    }
  },
};

function momentOf(name: string, text: string | undefined): string | undefined {
  const value = text === undefined ? undefined : parseMoment(text);
  if (text !== undefined && value === undefined) {
    throw usageError(
      "BAD_TIME",
      `invalid value for "${name}": "${text}" is no time`,
      "write 2026-01-02T15:04:05Z or 10m",
    );
  }
  return value;
}

/** `2026-11-23T07:00:00.000000000Z container start 4f… (image=nginx, name=web)`. */
function lineOf(event: EventMessage): string {
  const time = new Date(event.timeNano / 1e6).toISOString();
  const attributes = Object.entries(event.Actor.Attributes ?? {})
    .toSorted()
    .map(([name, value]) => `${name}=${value}`);
  const tail = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return printable(`${time} ${event.Type} ${event.Action} ${event.Actor.ID}${tail}`);
}
