import type { StatsBody } from "../../client/api-types.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { Command, Context } from "../command.ts";
import { formatList, type Columns } from "../format/table.ts";
import { allFlag, formatFlag, noTruncFlag } from "../list/list-flags.ts";
import { binarySize, decimalSize } from "../quantities.ts";
import { reportError } from "../report-error.ts";

export const command: Command = {
  usage: "[OPTIONS] [CONTAINER...]",
  minimum: 0,
  completes: ["running-containers"],
  flags: [
    allFlag("Show all containers (default shows just running)"),
    formatFlag,
    {
      name: "no-stream",
      kind: "boolean",
      summary: "Disable streaming stats and only pull the first result",
    },
    noTruncFlag,
  ],
  examples: [
    { what: "Memory and CPU of everything that runs, live", line: "duet stats" },
    {
      what: "Once, for scripts",
      line: "duet stats --no-stream --format '{{.Name}} {{.MemUsage}}'",
    },
  ],
  async run(context) {
    const { flags, words, signal } = context;
    const { containers } = context.duet();
    const names =
      words.length > 0
        ? words
        : (await containers.list({ all: flags.boolean("all") }, signal)).map((row) => row.Id);
    if (flags.boolean("no-stream")) return await printOnce(context, names);
    return await printLive(context, names);
  },
};

const standard =
  "{{.Container}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";

async function printOnce(context: Context, names: readonly string[]): Promise<number> {
  const results = await Promise.allSettled(
    names.map(async (name) => {
      for await (const sample of context
        .duet()
        .containers.stats(name, { stream: false }, context.signal))
        return sample;
      throw new TypeError("the daemon sent no sample");
    }),
  );
  const rows = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  for (const line of format(context, rows)) context.terminal.print(line);
  const failed = results.filter((result) => result.status === "rejected");
  for (const { reason } of failed) reportError(context.terminal, reason, context.global.debug);
  return failed.length === 0 ? 0 : 1;
}

/** A line each, drawn again with each sample, until interrupted or nothing runs any more. */
async function printLive(context: Context, names: readonly string[]): Promise<number> {
  const { terminal, signal } = context;
  const latest = new Map<string, StatsBody>();
  let drawn = 0;
  let lastDraw = 0;
  const draw = (): void => {
    if (terminal.outputIsTerminal && drawn > 0) terminal.output.write(`\u001b[${drawn}A\u001b[J`);
    const lines = format(context, [...latest.values()]);
    for (const line of lines) terminal.print(line);
    drawn = lines.length;
    lastDraw = performance.now();
  };
  const follow = async (name: string): Promise<void> => {
    for await (const sample of context.duet().containers.stats(name, { stream: true }, signal)) {
      latest.set(name, sample);
      if (latest.size === names.length && performance.now() - lastDraw > 400) draw();
    }
    latest.delete(name);
  };
  const results = await Promise.allSettled(names.map(follow));
  let code = 0;
  for (const result of results) {
    if (result.status !== "rejected" || isDuetError(result.reason, "canceled")) continue;
    reportError(terminal, result.reason, context.global.debug);
    code = 1;
  }
  return code;
}

function format(context: Context, rows: readonly StatsBody[]): string[] {
  const columns = statsColumns(!context.flags.boolean("no-trunc"));
  return formatList(columns, rows, { format: context.flags.string("format"), standard });
}

function statsColumns(truncate: boolean): Columns<StatsBody> {
  const id = (row: StatsBody): string => (truncate ? row.id.slice(0, 12) : row.id);
  return {
    Container: { header: "CONTAINER ID", value: id },
    ID: { header: "CONTAINER ID", value: id },
    Name: { header: "NAME", value: (row) => row.name.replace(/^\//, "") },
    CPUPerc: { header: "CPU %", value: (row) => `${cpuPercent(row).toFixed(2)}%` },
    MemUsage: {
      header: "MEM USAGE / LIMIT",
      value: (row) => `${binarySize(memoryUsed(row))} / ${binarySize(row.memory_stats.limit ?? 0)}`,
    },
    MemPerc: {
      header: "MEM %",
      value: (row) => {
        const limit = row.memory_stats.limit ?? 0;
        return `${(limit === 0 ? 0 : (memoryUsed(row) / limit) * 100).toFixed(2)}%`;
      },
    },
    NetIO: { header: "NET I/O", value: networkText },
    BlockIO: { header: "BLOCK I/O", value: blockText },
    PIDs: { header: "PIDS", value: (row) => String(row.pids_stats.current ?? 0) },
  };
}

/** Share of one CPU since the sample before, times the CPUs, as Docker's CLI counts. */
function cpuPercent(row: StatsBody): number {
  const used = row.cpu_stats.cpu_usage.total_usage - row.precpu_stats.cpu_usage.total_usage;
  const system = (row.cpu_stats.system_cpu_usage ?? 0) - (row.precpu_stats.system_cpu_usage ?? 0);
  if (used <= 0 || system <= 0) return 0;
  return (used / system) * (row.cpu_stats.online_cpus ?? 1) * 100;
}

/** Without the page cache that can be given back at once: `inactive_file` (v2) or `total_inactive_file` (v1). */
function memoryUsed(row: StatsBody): number {
  const usage = row.memory_stats.usage ?? 0;
  const stats = row.memory_stats.stats ?? {};
  const cache = stats["total_inactive_file"] ?? stats["inactive_file"] ?? 0;
  return cache < usage ? usage - cache : usage;
}

function networkText(row: StatsBody): string {
  const interfaces = Object.values(row.networks ?? {});
  const received = interfaces.reduce((sum, one) => sum + one.rx_bytes, 0);
  const sent = interfaces.reduce((sum, one) => sum + one.tx_bytes, 0);
  return `${decimalSize(received)} / ${decimalSize(sent)}`;
}

function blockText(row: StatsBody): string {
  const entries = row.blkio_stats["io_service_bytes_recursive"] ?? [];
  const sum = (operation: string): number =>
    entries
      .filter(({ op }) => op.toLowerCase() === operation)
      .reduce((total, { value }) => total + value, 0);
  return `${decimalSize(sum("read"))} / ${decimalSize(sum("write"))}`;
}
