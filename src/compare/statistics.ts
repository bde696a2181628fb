/** Numbers that say where a sample lies and how far it spreads. All in the sample's unit. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly minimum: number;
  readonly maximum: number;
  /** First and third quartile: half of the values lie between. */
  readonly quartiles: readonly [number, number];
  readonly values: readonly number[];
}

/** undefined for an empty sample. Percentiles are interpolated linearly. */
export function summarize(values: readonly number[]): Summary | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((left, right) => left - right);
  return {
    count: sorted.length,
    median: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    minimum: sorted[0]!,
    maximum: sorted.at(-1)!,
    quartiles: [percentile(sorted, 0.25), percentile(sorted, 0.75)],
    values,
  };
}

function percentile(sorted: readonly number[], share: number): number {
  const place = (sorted.length - 1) * share;
  const below = Math.floor(place);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (place - below);
}
