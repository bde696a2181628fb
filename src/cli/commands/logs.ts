import type { Command } from "../command.ts";
import { usageError } from "../flags.ts";
import { parseMoment } from "../quantities.ts";
import { writeOut } from "../terminal/terminal.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER",
  minimum: 1,
  maximum: 1,
  completes: ["containers"],
  flags: [
    { name: "details", kind: "boolean", summary: "Show extra details provided to logs" },
    { name: "follow", short: "f", kind: "boolean", summary: "Follow log output" },
    {
      name: "since",
      kind: "string",
      summary: 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")',
    },
    { name: "until", kind: "string", summary: "Show logs before a timestamp or relative time" },
    {
      name: "tail",
      short: "n",
      kind: "string",
      default: "all",
      summary: "Number of lines to show from the end of the logs",
    },
    { name: "timestamps", short: "t", kind: "boolean", summary: "Show timestamps" },
  ],
  examples: [
    { what: "Follow, from the last ten lines on", line: "duet logs -f -n 10 web" },
    { what: "What it printed in the last five minutes", line: "duet logs --since 5m web" },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const query = {
      stdout: true,
      stderr: true,
      follow: flags.boolean("follow"),
      details: flags.boolean("details"),
      timestamps: flags.boolean("timestamps"),
      tail: flags.string("tail") ?? "all",
      ...moment("since", flags.string("since")),
      ...moment("until", flags.string("until")),
    };
    for await (const { stream, bytes } of duet().containers.logs(words[0]!, query, signal)) {
      const target = stream === "stderr" ? terminal.errors : terminal.output;
      if (!(await writeOut(target, bytes))) return;
    }
  },
};

function moment(
  name: "since" | "until",
  text: string | undefined,
): { readonly [key: string]: string } {
  if (text === undefined) return {};
  const value = parseMoment(text);
  if (value === undefined)
    throw usageError(
      "BAD_TIME",
      `invalid value for "${name}": "${text}" is no time`,
      "write 2026-01-02T15:04:05Z or 10m",
    );
  return { [name]: value };
}
