import type { ContainerRecord } from "../../domain/container.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerStats } from "../engine.ts";
import { endpointsOf } from "./endpoints.ts";

/** Milliseconds for which one reading serves all who ask; a client's two samples are further apart. */
const freshMilliseconds = 250;
const readMilliseconds = 10_000;

interface Reading {
  readonly at: number;
  readonly stats: Promise<ContainerStats>;
}

/**
 * Reads what workloads use. A reading opens a dozen files, or asks a guest; a hundred clients that
 * watch one workload get the same one.
 */
export class StatsReader {
  private readonly readings = new Map<string, Reading>();

  async read(context: EngineContext, record: ContainerRecord): Promise<ContainerStats> {
    const known = this.readings.get(record.id);
    const now = performance.now();
    if (known !== undefined && now - known.at < freshMilliseconds) return await known.stats;
    const reading: Reading = { at: now, stats: readStats(context, record) };
    this.readings.set(record.id, reading);
    const timer = setTimeout(() => {
      if (this.readings.get(record.id) === reading) this.readings.delete(record.id);
    }, freshMilliseconds);
    timer.unref();
    return await reading.stats;
  }
}

async function readStats(context: EngineContext, record: ContainerRecord): Promise<ContainerStats> {
  // It serves many clients, so none of theirs may end it.
  const signal = AbortSignal.timeout(readMilliseconds);
  const stats = await context.live.demand(record.id).stats(signal);
  const networks: Record<string, ContainerStats["networks"][string]> = {};
  for (const [index, { network, endpoint }] of endpointsOf(context, record).entries()) {
    const counters = await context.network.counters?.(network, endpoint);
    if (counters !== undefined) networks[endpoint.interfaceName ?? `eth${index}`] = counters;
  }
  return { record, stats, networks };
}
