import {
  layerSources,
  pullPhases,
  type LayerSource,
  type PhaseTally,
  type PullPhase,
  type PullTimings,
} from "../../domain/pull-phases.ts";
import { Histogram } from "../../kit/histogram.ts";

/** Upper bounds in seconds. */
const bounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800] as const;

const outcomes = ["new", "current", "failed"] as const;

/** Whether the name stands for something new now. */
export type PullOutcome = (typeof outcomes)[number];

/** One pull's phases. */
export class PullTally implements PhaseTally {
  private readonly start = performance.now();
  private readonly phases = record(pullPhases, () => ({ seconds: 0, bytes: 0 }));
  private readonly layers = record(layerSources, () => 0);

  spend(phase: PullPhase, milliseconds: number, bytes: number): void {
    const share = this.phases[phase];
    share.seconds += Math.max(0, milliseconds) / 1_000;
    share.bytes += bytes;
  }

  layer(source: LayerSource): void {
    this.layers[source] += 1;
  }

  timings(): PullTimings {
    const seconds = (performance.now() - this.start) / 1_000;
    return { seconds, phases: this.phases, layers: this.layers };
  }
}

/** What the pulls of this daemon took, all together. */
export class PullFigures {
  /** Seconds from beginning to end. */
  readonly durations = record(outcomes, () => new Histogram(bounds));
  /** Seconds of each pull in each phase. */
  readonly phases = record(pullPhases, () => new Histogram(bounds));
  readonly bytes = record(pullPhases, () => 0);
  readonly layers = record(layerSources, () => 0);

  add({ seconds, phases, layers }: PullTimings, outcome: PullOutcome): void {
    this.durations[outcome].observe(seconds);
    for (const phase of pullPhases) {
      this.phases[phase].observe(phases[phase].seconds);
      this.bytes[phase] += phases[phase].bytes;
    }
    for (const source of layerSources) this.layers[source] += layers[source];
  }
}

function record<K extends string, V>(keys: readonly K[], value: () => V): Record<K, V> {
  // Every key is there: that is what the entries are made of.
  return Object.fromEntries(keys.map((key) => [key, value()])) as Record<K, V>;
}
