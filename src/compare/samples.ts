import type { Facts, MetricName, Way, WayReport } from "./comparison.ts";
import { summarize, type Summary } from "./statistics.ts";

/** Collects what is measured of one way. */
export class Samples {
  readonly way: Way;
  facts: Facts | null = null;
  private readonly values = new Map<MetricName, number[]>();
  private readonly reasons = new Map<string, string>();

  constructor(way: Way) {
    this.way = way;
  }

  add(metric: MetricName, value: number): void {
    const known = this.values.get(metric);
    if (known === undefined) this.values.set(metric, [value]);
    else known.push(value);
  }

  /** The first reason is kept. */
  miss(what: string, reason: string): void {
    if (!this.reasons.has(what)) this.reasons.set(what, reason);
  }

  report(): WayReport {
    const metrics: Partial<Record<MetricName, Summary>> = {};
    for (const [name, values] of this.values) {
      const summary = summarize(values);
      if (summary !== undefined) metrics[name] = summary;
    }
    const missing = Object.fromEntries(this.reasons);
    return { way: this.way, metrics, facts: this.facts, missing };
  }
}
