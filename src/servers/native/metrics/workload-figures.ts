import type { ContainerRecord } from "../../../domain/container.ts";
import type { ContainerStats, Engine, InterfaceCounters } from "../../../engine/engine.ts";
import type { Exposition, Labels, Sample } from "./exposition.ts";

/** Workloads of which figures are told; more would make a scrape slow and its reader's store large. */
const mostWorkloads = 2_000;
/** Read at once. */
const width = 16;

interface Figures {
  readonly record: ContainerRecord;
  readonly labels: Labels;
  /** null of one that does not run. */
  readonly stats: ContainerStats | null;
}

/** What each workload uses, of containers and virtual machines alike. */
export async function writeWorkloads(
  exposition: Exposition,
  engine: Engine,
  signal: AbortSignal,
): Promise<void> {
  const records = engine.containers.list();
  const told = records.slice(0, mostWorkloads);
  const all = await readAll(engine, told, signal);
  exposition.one(
    "duet_workloads_left_out",
    "gauge",
    `Workloads beyond the first ${mostWorkloads}, of which no figures are told.`,
    records.length - told.length,
  );
  writeStates(exposition, all);
  const running = all.filter(
    (one): one is Figures & { stats: ContainerStats } => one.stats !== null,
  );
  for (const [name, type, help, value] of singles) {
    const samples = running.map(({ labels, stats }) => ({ labels, value: value(stats) }));
    exposition.add(name, type, help, samples.filter((sample) => sample.value !== null) as Sample[]);
  }
  for (const [name, help, field] of interfaceFigures) {
    const samples = running.flatMap(({ labels, stats }) =>
      Object.entries(stats.networks).map(([device, counters]) => ({
        labels: { ...labels, interface: device },
        value: counters[field],
      })),
    );
    exposition.add(name, "counter", help, samples);
  }
}

async function readAll(
  engine: Engine,
  records: readonly ContainerRecord[],
  signal: AbortSignal,
): Promise<readonly Figures[]> {
  const figures: Figures[] = [];
  const pending = records.values();
  const work = async (): Promise<void> => {
    for (const record of pending) {
      signal.throwIfAborted();
      figures.push({ record, labels: labelsOf(record), stats: await read(engine, record, signal) });
    }
  };
  await Promise.all(Array.from({ length: width }, work));
  return figures;
}

async function read(
  engine: Engine,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<ContainerStats | null> {
  if (record.state !== "running" && record.state !== "paused") return null;
  // It may end meanwhile.
  return await engine.containers.stats(record.id, signal).catch(() => null);
}

function labelsOf(record: ContainerRecord): Labels {
  return {
    id: record.id.slice(0, 12),
    name: record.name,
    image: record.spec.image,
    isolation: record.spec.isolation,
  };
}

function writeStates(exposition: Exposition, all: readonly Figures[]): void {
  exposition.add(
    "duet_workload_state",
    "gauge",
    "1 for the state that the workload is in.",
    all.map(({ labels, record }) => ({ labels: { ...labels, state: record.state }, value: 1 })),
  );
  exposition.add(
    "duet_workload_restarts_total",
    "counter",
    "Restarts by the restart policy.",
    all.map(({ labels, record }) => ({ labels, value: record.restartCount })),
  );
  exposition.add(
    "duet_workload_health",
    "gauge",
    "1 for what the workload's checks have come to; only of those that have checks.",
    all.flatMap(({ labels, record }) =>
      record.health === undefined
        ? []
        : [{ labels: { ...labels, health: record.health.status }, value: 1 }],
    ),
  );
  exposition.add(
    "duet_workload_start_time_seconds",
    "gauge",
    "When it was started last, since the epoch.",
    all
      .filter(({ record }) => record.startedAt > 0)
      .map(({ labels, record }) => ({ labels, value: record.startedAt / 1_000 })),
  );
  exposition.add(
    "duet_workload_last_exit_code",
    "gauge",
    "Exit code of the last run, of those that have ended.",
    all
      .filter(({ record }) => record.finishedAt > 0 && record.state === "exited")
      .map(({ labels, record }) => ({ labels, value: record.exitCode })),
  );
}

const nanoseconds = 1e9;

type Single = readonly [
  name: string,
  type: "counter" | "gauge",
  help: string,
  value: (figures: ContainerStats) => number | null,
];

const singles: readonly Single[] = [
  [
    "duet_workload_cpu_seconds_total",
    "counter",
    "Processor time used.",
    ({ stats }) => stats.cpuTotal / nanoseconds,
  ],
  [
    "duet_workload_cpu_throttled_seconds_total",
    "counter",
    "Time for which the processor limit held it back.",
    ({ stats }) => stats.throttled.time / nanoseconds,
  ],
  [
    "duet_workload_memory_usage_bytes",
    "gauge",
    "Memory used, caches of files included.",
    ({ stats }) => stats.memoryUsage,
  ],
  [
    "duet_workload_memory_limit_bytes",
    "gauge",
    "Memory that it may use.",
    ({ stats }) => stats.memoryLimit,
  ],
  ["duet_workload_processes", "gauge", "Processes and threads.", ({ stats }) => stats.pids],
  [
    "duet_workload_block_read_bytes_total",
    "counter",
    "Bytes read from block devices.",
    ({ stats }) => stats.blockRead,
  ],
  [
    "duet_workload_block_written_bytes_total",
    "counter",
    "Bytes written to block devices.",
    ({ stats }) => stats.blockWritten,
  ],
];

const interfaceFigures: readonly (readonly [string, string, keyof InterfaceCounters])[] = [
  ["duet_workload_network_received_bytes_total", "Bytes received.", "receivedBytes"],
  ["duet_workload_network_sent_bytes_total", "Bytes sent.", "sentBytes"],
  ["duet_workload_network_received_packets_total", "Packets received.", "receivedPackets"],
  ["duet_workload_network_sent_packets_total", "Packets sent.", "sentPackets"],
  [
    "duet_workload_network_received_dropped_total",
    "Packets dropped on arrival.",
    "receivedDropped",
  ],
  ["duet_workload_network_sent_dropped_total", "Packets dropped on leaving.", "sentDropped"],
];
