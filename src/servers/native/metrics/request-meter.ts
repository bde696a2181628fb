import { Histogram } from "../../../kit/histogram.ts";
import { histogramSamples, type Exposition } from "./exposition.ts";

/** Upper bounds in seconds. */
const bounds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60,
] as const;

interface Series {
  readonly method: string;
  readonly route: string;
  readonly durations: Histogram;
  readonly codes: Map<number, number>;
}

/**
 * Counts requests by route as the route table has it, so that no client can make series: paths that
 * are no route count as one.
 */
export class RequestMeter {
  private readonly series = new Map<string, Series>();
  private inFlight = 0;

  /** Call it at a request's start, and what it gives when the answer is over. */
  begin(): (method: string, route: string, code: number) => void {
    const start = performance.now();
    this.inFlight += 1;
    return (method, route, code) => {
      this.inFlight -= 1;
      this.observe(method, route, code, (performance.now() - start) / 1_000);
    };
  }

  private observe(method: string, route: string, code: number, seconds: number): void {
    const key = `${method} ${route}`;
    let series = this.series.get(key);
    if (series === undefined) {
      series = { method, route, durations: new Histogram(bounds), codes: new Map() };
      this.series.set(key, series);
    }
    series.durations.observe(seconds);
    series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
  }

  write(exposition: Exposition): void {
    const all = [...this.series.values()];
    exposition.one(
      "duet_api_requests_in_flight",
      "gauge",
      "Requests being answered.",
      this.inFlight,
    );
    exposition.add(
      "duet_api_requests_total",
      "counter",
      "Requests answered, by route and status code.",
      all.flatMap(({ method, route, codes }) =>
        [...codes].map(([code, value]) => ({
          labels: { method, route, code: String(code) },
          value,
        })),
      ),
    );
    exposition.add(
      "duet_api_request_duration_seconds",
      "histogram",
      "Time from a request's head to the end of its answer; streams count until they end.",
      all.flatMap(({ method, route, durations }) => histogramSamples(durations, { method, route })),
    );
  }
}
