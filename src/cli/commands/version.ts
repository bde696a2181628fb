import { arch } from "node:os";
import { toDuetError } from "../../kit/errors.ts";
import type { VersionAnswer } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import { goJson } from "../../kit/go-template/go-text.ts";
import { compileTemplate } from "../../kit/go-template/template.ts";
import { reportError } from "../report-error.ts";
import { formatFlag } from "../list/list-flags.ts";
import { clientVersion } from "../version-text.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [
    { ...formatFlag, short: "f" },
    {
      name: "client",
      kind: "boolean",
      summary: "Only the client's own; does not look for a daemon",
    },
  ],
  examples: [
    { what: "The daemon's version only", line: "duet version --format '{{.Server.Version}}'" },
  ],
  async run({ flags, duet, terminal, signal, global }) {
    const Client = {
      Version: clientVersion(),
      NodeVersion: process.version,
      Os: process.platform,
      Arch: goArch(),
    };
    let Server: VersionAnswer | null = null;
    let failure: unknown;
    if (!flags.boolean("client")) {
      Server = await duet()
        .system.version(signal)
        .catch((error: unknown) => {
          failure = error;
          return null;
        });
    }
    const format = flags.string("format");
    if (format === undefined) for (const line of lines(Client, Server)) terminal.print(line);
    else if (format === "json") terminal.print(goJson({ Client, Server }));
    else terminal.print(compileTemplate(format)({ Client, Server }));
    if (failure === undefined) return 0;
    reportError(terminal, toDuetError(failure), global.debug);
    return 1;
  },
};

function goArch(): string {
  const name = arch();
  return name === "x64" ? "amd64" : name;
}

function lines(client: Readonly<Record<string, string>>, server: VersionAnswer | null): string[] {
  const row = (name: string, value: string): string => ` ${`${name}:`.padEnd(18)}${value}`;
  const result = [
    "Client: Duet",
    row("Version", client["Version"]!),
    row("Node version", client["NodeVersion"]!),
    row("OS/Arch", `${client["Os"]}/${client["Arch"]}`),
  ];
  if (server === null) return result;
  return [
    ...result,
    "",
    `Server: ${server.Platform?.Name || "Duet"}`,
    row("Version", server.Version),
    row("API version", `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`),
    row("OS/Arch", `${server.Os}/${server.Arch}`),
    row("Kernel version", server.KernelVersion),
    ...(server.Components ?? []).map((part) => row(part.Name, part.Version)),
  ];
}
