import { setTimeout as delay } from "node:timers/promises";
import type { BlockCount, WorkloadStats } from "../../../domain/runtime.ts";
import type { ContainerStats } from "../../../engine/engine.ts";
import type {
  BlkioEntry,
  CpuStats,
  InterfaceStats,
  StatsBody,
} from "../../../spec/docker/stats.ts";
import { isDuetError } from "../../../kit/errors.ts";
import { invalid } from "../failures.ts";
import type { Exchange } from "../exchange.ts";
import { zeroTime } from "../time.ts";
import { isRunning } from "./state.ts";

/** Docker's sampling period. */
const periodMilliseconds = 1000;
/** A share of processor time needs two samples; clients give up waiting for both after two seconds. */
const pairMilliseconds = 500;

/** `GET /containers/{id}/stats`: one object a second, or one in all. */
export async function streamStats(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const isStream = query.flag("stream", true);
  const isOneShot = query.flag("one-shot");
  if (isStream && isOneShot) throw invalid("cannot have stream=true and one-shot=true");
  const { id } = engine.containers.get(exchange.parameter("id"));
  if (isStream) exchange.begin("application/json");
  let before: StatsBody | null = null;
  for (;;) {
    const current = await sample(exchange, id, before);
    if (current === null) {
      exchange.end();
      return;
    }
    const isFirstOfTwo = !isStream && !isOneShot && before === null && current.read !== zeroTime;
    if (!isStream && !isFirstOfTwo) {
      exchange.answer(200, current);
      return;
    }
    if (isStream) await exchange.write(`${JSON.stringify(current)}\n`);
    before = current;
    const pause = isStream ? periodMilliseconds : pairMilliseconds;
    await delay(pause, undefined, { signal: exchange.signal });
  }
}

/** Nothing is used between two runs; null where a stream's container is gone. */
async function sample(
  exchange: Exchange,
  id: string,
  before: StatsBody | null,
): Promise<StatsBody | null> {
  const { containers } = exchange.engine;
  try {
    const record = containers.get(id);
    const head = { name: `/${record.name}`, id: record.id };
    if (!isRunning(record)) return { ...head, ...emptyStats };
    try {
      return { ...head, ...encodeStats(await containers.stats(id, exchange.signal), before) };
    } catch (error) {
      if (!isDuetError(error, "conflict") && !isDuetError(error, "unavailable")) throw error;
      return { ...head, ...emptyStats };
    }
  } catch (error) {
    if (exchange.isStarted && isDuetError(error, "not-found")) return null;
    throw error;
  }
}

const emptyCpu: CpuStats = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

const emptyStats: Omit<StatsBody, "name" | "id"> = {
  read: zeroTime,
  preread: zeroTime,
  pids_stats: {},
  blkio_stats: {
    io_service_bytes_recursive: null,
    io_serviced_recursive: null,
    io_queue_recursive: null,
    io_service_time_recursive: null,
    io_wait_time_recursive: null,
    io_merged_recursive: null,
    io_time_recursive: null,
    sectors_recursive: null,
  },
  num_procs: 0,
  storage_stats: {},
  cpu_stats: emptyCpu,
  precpu_stats: emptyCpu,
  memory_stats: {},
};

/** `before` is the sample that came before on this stream. */
export function encodeStats(
  { stats, networks }: ContainerStats,
  before: StatsBody | null,
): Omit<StatsBody, "name" | "id"> {
  return {
    ...emptyStats,
    read: new Date(stats.readAt).toISOString(),
    preread: before?.read ?? zeroTime,
    pids_stats: {
      current: stats.pids,
      ...(stats.pidsLimit > 0 ? { limit: stats.pidsLimit } : {}),
    },
    blkio_stats: encodeBlocks(stats),
    cpu_stats: {
      cpu_usage: {
        total_usage: stats.cpuTotal,
        ...(stats.cpuEach?.length ? { percpu_usage: [...stats.cpuEach] } : {}),
        usage_in_kernelmode: stats.cpuKernel,
        usage_in_usermode: stats.cpuUser,
      },
      system_cpu_usage: stats.systemCpu,
      online_cpus: stats.onlineCpus,
      throttling_data: {
        periods: stats.throttled.periods,
        throttled_periods: stats.throttled.throttledPeriods,
        throttled_time: stats.throttled.time,
      },
    },
    precpu_stats: before?.cpu_stats ?? emptyCpu,
    memory_stats: {
      usage: stats.memoryUsage,
      ...(stats.memoryPeak === undefined ? {} : { max_usage: stats.memoryPeak }),
      ...(stats.memoryFailures ? { failcnt: stats.memoryFailures } : {}),
      limit: stats.memoryLimit,
      stats: { ...stats.memoryDetail },
    },
    networks: encodeNetworks(networks),
  };
}

/** Docker knows all of these only of cgroup version 1, which counts operations too. */
function encodeBlocks(stats: WorkloadStats): StatsBody["blkio_stats"] {
  const whole: readonly BlockCount[] = [
    { major: 0, minor: 0, operation: "read", value: stats.blockRead },
    { major: 0, minor: 0, operation: "write", value: stats.blockWritten },
  ];
  const bytes = (stats.blockBytes ?? whole).map(encodeBlock);
  if (stats.blockOperations === undefined) {
    const none = bytes.length > 0 ? bytes : null;
    return { ...emptyStats.blkio_stats, io_service_bytes_recursive: none };
  }
  const lists = Object.keys(emptyStats.blkio_stats).map((name) => [name, []]);
  return {
    ...(Object.fromEntries(lists) as StatsBody["blkio_stats"]),
    io_service_bytes_recursive: bytes,
    io_serviced_recursive: stats.blockOperations.map(encodeBlock),
  };
}

function encodeBlock({ major, minor, operation, value }: BlockCount): BlkioEntry {
  return { major, minor, op: operation, value };
}

function encodeNetworks(networks: ContainerStats["networks"]): Record<string, InterfaceStats> {
  return Object.fromEntries(
    Object.entries(networks).map(([name, counters]) => [
      name,
      {
        rx_bytes: counters.receivedBytes,
        rx_packets: counters.receivedPackets,
        rx_errors: counters.receivedErrors,
        rx_dropped: counters.receivedDropped,
        tx_bytes: counters.sentBytes,
        tx_packets: counters.sentPackets,
        tx_errors: counters.sentErrors,
        tx_dropped: counters.sentDropped,
      },
    ]),
  );
}
