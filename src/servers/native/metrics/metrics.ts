import type { Exchange } from "../../docker/exchange.ts";
import { writeEngine } from "./engine-figures.ts";
import { Exposition } from "./exposition.ts";
import { writePulls } from "./pull-figures.ts";
import type { RequestMeter } from "./request-meter.ts";
import { writeWorkloads } from "./workload-figures.ts";

const contentType = "text/plain; version=0.0.4; charset=utf-8";
const deadlineMilliseconds = 8_000;

/**
 * `GET /metrics` for Prometheus. It lies where the API lies, on the unix socket and behind TLS with
 * clients' certificates, since names of workloads are nobody else's business.
 */
export function metricsHandler(meter: RequestMeter): (exchange: Exchange) => Promise<void> {
  let running: Promise<string> | undefined;
  return async (exchange) => {
    // Scrapers that come together get the same figures.
    running ??= write(exchange, meter).finally(() => {
      running = undefined;
    });
    exchange.text(200, contentType, await running);
  };
}

async function write(
  { engine, version }: Pick<Exchange, "engine" | "version">,
  meter: RequestMeter,
): Promise<string> {
  const signal = AbortSignal.timeout(deadlineMilliseconds);
  const exposition = new Exposition();
  await writeEngine(exposition, engine, version, signal);
  writePulls(exposition, engine.images.pullFigures());
  meter.write(exposition);
  await writeWorkloads(exposition, engine, signal);
  return exposition.toString();
}
