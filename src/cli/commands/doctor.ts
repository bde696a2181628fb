import { doctorExitCode, runDoctor } from "../doctor/doctor.ts";
import type { Finding, Verdict } from "../doctor/finding.ts";
import { thisHost } from "../doctor/host.ts";
import type { Command, Context } from "../command.ts";
import { usageError } from "../flags.ts";
import { printable } from "../report-error.ts";
import { paint } from "../terminal/terminal.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  description: "Exit code 1 when something fails; warnings do not fail.",
  flags: [
    {
      name: "format",
      kind: "string",
      default: "text",
      summary: "text or json (a finding a line)",
      completes: ["text", "json"],
    },
  ],
  examples: [
    { what: "Is KVM really usable here? What is missing?", line: "duet doctor" },
    { what: "For a script", line: "duet doctor --format json" },
  ],
  async run(context) {
    const format = context.flags.string("format");
    if (format !== "text" && format !== "json")
      throw usageError("BAD_FORMAT", `cannot format as "${format}"`, "use text or json");
    const { host, dataRoot } = context.global;
    const findings: Finding[] = [];
    for await (const finding of runDoctor(thisHost({ host, dataRoot }, context.signal))) {
      findings.push(finding);
      if (format === "json") context.terminal.print(JSON.stringify(finding));
      else show(context, finding);
    }
    return doctorExitCode(findings.map((finding) => finding.verdict));
  },
};

const marks: Readonly<Record<Verdict, readonly [string, "green" | "yellow" | "red"]>> = {
  ok: ["ok  ", "green"],
  warn: ["warn", "yellow"],
  fail: ["fail", "red"],
};

function show({ terminal }: Context, finding: Finding): void {
  const [word, color] = marks[finding.verdict];
  terminal.print(
    `${paint(terminal.color, color, word)}  ${finding.probe}: ${printable(finding.what)}`,
  );
  if (finding.verdict === "ok") return;
  if (finding.why !== "") terminal.print(`      why: ${printable(finding.why)}`);
  if (finding.remedy !== "") terminal.print(`      do:  ${printable(finding.remedy)}`);
}
