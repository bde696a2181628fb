/** Counts values by upper bounds, as Prometheus's histograms do. */
export class Histogram {
  readonly bounds: readonly number[];
  private readonly counts: number[];
  private total = 0;
  private observed = 0;

  /** `bounds` ascending. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    const bucket = this.bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) this.counts[bucket]! += 1;
    this.total += value;
    this.observed += 1;
  }

  get sum(): number {
    return this.total;
  }

  get count(): number {
    return this.observed;
  }

  /** How many values were at most each bound. */
  cumulative(): readonly number[] {
    let below = 0;
    return this.counts.map((count) => (below += count));
  }
}
