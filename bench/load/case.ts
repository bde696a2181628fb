import type { Api } from "./api.ts";
import type { Observer, Waits } from "./observer.ts";

/** How much is asked of the engine. */
export interface LoadScale {
  readonly containers: number;
  readonly atOnce: number;
  readonly execsPerMinute: number;
  readonly minutes: number;
  readonly followers: number;
  readonly subscribers: number;
  readonly floodSeconds: number;
  readonly pausedSeconds: number;
  /** Milliseconds for which no other client may wait beside a flood. */
  readonly longestWait: number;
}

/** What the issue asks for; minutes of a paused reader are shorter. */
export const fullScale: LoadScale = {
  containers: 500,
  atOnce: 50,
  execsPerMinute: 1_000,
  minutes: 10,
  followers: 200,
  subscribers: 100,
  floodSeconds: 20,
  pausedSeconds: 60,
  longestWait: 100,
};

export interface LoadContext {
  readonly api: Api;
  readonly observer: Observer;
  readonly scale: LoadScale;
  /** Data root of the engine. */
  readonly dataRoot: string;
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly title: string;
  readonly notes: readonly string[];
  /** Promises that were broken; none is success. */
  readonly broken: readonly string[];
}

export interface LoadCase {
  readonly name: string;
  run(context: LoadContext): Promise<LoadResult>;
}

export function waitsText({ count, median, p99, longest, loop, loopOwn }: Waits): string {
  const figure = (value: number): string => value.toFixed(1);
  return `another client's /_ping: median ${figure(median)} ms, p99 ${figure(p99)} ms, longest ${figure(longest)} ms of ${count}; the daemon's loop was held up for ${figure(loop)} ms at most, ${figure(loopOwn)} ms without waiting for a processor`;
}
