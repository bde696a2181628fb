/** Figures of one series, in the unit of its values. */
export interface Summary {
  readonly count: number;
  readonly minimum: number;
  readonly median: number;
  readonly p99: number;
  readonly maximum: number;
}

export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return {
    count: sorted.length,
    minimum: at(0),
    median: at(0.5),
    p99: at(0.99),
    maximum: at(1),
  };
}

/** One thing to time under one name. */
export interface Contestant {
  readonly name: string;
  readonly run: () => Promise<void>;
  /** Brings back what `run` used up; not timed. */
  readonly reset?: () => Promise<void>;
}

/**
 * Runs each contestant once a round, in turn, so that a drift of the machine's speed hits all alike;
 * the first rounds warm up and do not count. Gives milliseconds per name.
 */
export async function timeInTurn(
  contestants: readonly Contestant[],
  rounds: number,
  warmUp = 2,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds + warmUp; round += 1) {
    const shift = round % contestants.length;
    for (const { name, run, reset } of [
      ...contestants.slice(shift),
      ...contestants.slice(0, shift),
    ]) {
      const start = performance.now();
      await run();
      if (round >= warmUp) times.get(name)?.push(performance.now() - start);
      await reset?.();
    }
  }
  return times;
}

/** Median over rounds of A's time divided by B's in the same round. */
export function pairedRatio(a: readonly number[], b: readonly number[]): number {
  const ratios = a.map((value, index) => value / (b[index] ?? Number.NaN));
  return summarize(ratios).median;
}
