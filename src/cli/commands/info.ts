import type { InfoAnswer } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import { goJson } from "../../kit/go-template/go-text.ts";
import { compileTemplate } from "../../kit/go-template/template.ts";
import { formatFlag } from "../list/list-flags.ts";
import { binarySize } from "../quantities.ts";
import { printable } from "../report-error.ts";
import { clientVersion } from "../version-text.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [{ ...formatFlag, short: "f" }],
  examples: [
    { what: "What the daemon has and runs", line: "duet info" },
    { what: "Which runtimes are there?", line: "duet info --format '{{json .Runtimes}}'" },
  ],
  async run({ flags, duet, terminal, signal }) {
    const info = await duet().system.info(signal);
    const format = flags.string("format");
    if (format === "json") return terminal.print(goJson(info));
    if (format !== undefined) return terminal.print(compileTemplate(format)(info));
    for (const line of lines(info)) terminal.print(printable(line));
    for (const warning of info.Warnings ?? []) terminal.warn(`WARNING: ${printable(warning)}`);
  },
};

function lines(info: InfoAnswer): string[] {
  const list = (values: readonly string[] | null | undefined): string => (values ?? []).join(" ");
  return [
    "Client:",
    ` Version: ${clientVersion()}`,
    "",
    "Server:",
    ` Containers: ${info.Containers}`,
    `  Running: ${info.ContainersRunning}`,
    `  Paused: ${info.ContainersPaused}`,
    `  Stopped: ${info.ContainersStopped}`,
    ` Images: ${info.Images}`,
    ` Server Version: ${info.ServerVersion}`,
    ` Storage Driver: ${info.Driver}`,
    ...(info.DriverStatus ?? []).map(([name, value]) => `  ${name}: ${value}`),
    ` Logging Driver: ${info.LoggingDriver}`,
    ` Cgroup Driver: ${info.CgroupDriver}`,
    ` Cgroup Version: ${info.CgroupVersion}`,
    " Plugins:",
    `  Volume: ${list(info.Plugins?.Volume)}`,
    `  Network: ${list(info.Plugins?.Network)}`,
    `  Log: ${list(info.Plugins?.Log)}`,
    ` Runtimes: ${Object.keys(info.Runtimes ?? {}).join(" ")}`,
    ` Default Runtime: ${info.DefaultRuntime}`,
    ` Default Isolation: ${info.Isolation || "container"}`,
    " Security Options:",
    ...(info.SecurityOptions ?? []).map((option) => `  ${option}`),
    ` Kernel Version: ${info.KernelVersion}`,
    ` Operating System: ${info.OperatingSystem}`,
    ` OSType: ${info.OSType}`,
    ` Architecture: ${info.Architecture}`,
    ` CPUs: ${info.NCPU}`,
    ` Total Memory: ${binarySize(info.MemTotal)}`,
    ` Name: ${info.Name}`,
    ` ID: ${info.ID}`,
    ` Data Root Dir: ${info.DockerRootDir}`,
    ` Debug Mode: ${info.Debug}`,
  ];
}
