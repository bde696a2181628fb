import { readdir } from "node:fs/promises";
import type { Engine } from "../../../engine/engine.ts";
import type { ServerVersion } from "../../docker/version.ts";
import type { Exposition } from "./exposition.ts";

/** What the engine holds and what its own process uses. */
export async function writeEngine(
  exposition: Exposition,
  engine: Engine,
  version: ServerVersion,
  signal: AbortSignal,
): Promise<void> {
  const info = await engine.system.info(signal);
  exposition.add("duet_build_info", "gauge", "1, with what the daemon is.", [
    {
      labels: {
        version: version.version,
        api_version: version.apiVersion,
        node: process.versions.node,
      },
      value: 1,
    },
  ]);
  writeCounts(exposition, engine);
  exposition.add(
    "duet_runtime_info",
    "gauge",
    "1 for each isolation that this host offers, with what makes it.",
    info.runtimes.map(({ isolation, description }) => ({
      labels: { isolation, description },
      value: 1,
    })),
  );
  exposition.add(
    "duet_pool_waiting",
    "gauge",
    "Workloads that were made in advance and wait to be used.",
    info.runtimes.flatMap(({ isolation, waiting }) =>
      waiting === undefined ? [] : [{ labels: { isolation }, value: waiting }],
    ),
  );
  exposition.add(
    "duet_machines_used_total",
    "counter",
    "Virtual machines taken for a workload, or to read the disk of one that does not run.",
    info.runtimes.flatMap(({ isolation, used }) =>
      used === undefined ? [] : [{ labels: { isolation }, value: used }],
    ),
  );
  await writeProcess(exposition);
}

function writeCounts(exposition: Exposition, engine: Engine): void {
  const counts = new Map<string, { labels: { isolation: string; state: string }; value: number }>();
  for (const { spec, state } of engine.containers.list()) {
    const labels = { isolation: spec.isolation, state };
    const key = `${spec.isolation} ${state}`;
    counts.set(key, { labels, value: (counts.get(key)?.value ?? 0) + 1 });
  }
  exposition.add("duet_containers", "gauge", "Containers by isolation and state.", counts.values());
  const one = (name: string, help: string, value: number): void =>
    exposition.one(name, "gauge", help, value);
  one("duet_images", "Images.", engine.images.list().length);
  one("duet_networks", "Networks.", engine.networks.list().length);
  one("duet_volumes", "Volumes.", engine.volumes.list().length);
  one("duet_event_subscribers", "Clients that follow events.", engine.system.watchers().events);
  exposition.one(
    "duet_event_subscribers_dropped_total",
    "counter",
    "Clients that read events too slowly and were dropped.",
    engine.system.watchers().dropped,
  );
}

/** The names that Prometheus's own clients use. */
async function writeProcess(exposition: Exposition): Promise<void> {
  const { user, system } = process.cpuUsage();
  const memory = process.memoryUsage();
  const descriptors = await readdir("/proc/self/fd").catch(() => []);
  const started = Date.now() / 1_000 - process.uptime();
  exposition.one(
    "process_cpu_seconds_total",
    "counter",
    "Processor time of the daemon.",
    (user + system) / 1e6,
  );
  exposition.one(
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory of the daemon.",
    memory.rss,
  );
  exposition.one(
    "process_open_fds",
    "gauge",
    "Descriptors that the daemon holds.",
    descriptors.length,
  );
  exposition.one("process_start_time_seconds", "gauge", "When the daemon started.", started);
  exposition.one("nodejs_heap_size_used_bytes", "gauge", "Heap in use.", memory.heapUsed);
  exposition.one(
    "nodejs_external_memory_bytes",
    "gauge",
    "Memory outside the heap.",
    memory.external,
  );
}
