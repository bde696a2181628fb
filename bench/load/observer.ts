import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { canceled } from "../../src/kit/abort.ts";
import { memoryOf } from "../engines/daemon.ts";
import type { Api } from "./api.ts";

/** What the engine held at one moment. Bytes. */
export interface Holding {
  /** Milliseconds since the observation began. */
  readonly at: number;
  readonly rss: number;
  readonly descriptors: number;
  readonly shims: number;
  readonly shimPrivate: number;
  readonly shimDescriptors: number;
}

/** How long an untroubled client waited for `/_ping`. Milliseconds. */
export interface Waits {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly longest: number;
}

const pingMilliseconds = 20;

/** Watches a daemon and its shims while something is done to it. */
export class Observer {
  private readonly pid: number;
  /** What the command lines of its shims hold. */
  private readonly mark: string;
  private readonly api: Api;
  private readonly start = performance.now();
  readonly holdings: Holding[] = [];

  constructor(pid: number, mark: string, api: Api) {
    this.pid = pid;
    this.mark = mark;
    this.api = api;
  }

  async look(): Promise<Holding> {
    const shims = await this.shims();
    const holding = {
      at: performance.now() - this.start,
      rss: (await memoryOf([this.pid])).rss,
      descriptors: await descriptorsOf(this.pid),
      shims: shims.length,
      shimPrivate: (await memoryOf(shims)).private,
      shimDescriptors: (await Promise.all(shims.map(descriptorsOf))).reduce((a, b) => a + b, 0),
    };
    this.holdings.push(holding);
    return holding;
  }

  /** Does the work, and looks every `milliseconds`. */
  async during<T>(work: () => Promise<T>, milliseconds: number): Promise<T> {
    return await this.beside(work, milliseconds, async () => void (await this.look()));
  }

  /** Does the work, and asks for a ping all the while, one after another. */
  async pinging<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly waits: Waits }> {
    const times: number[] = [];
    const result = await this.beside(work, pingMilliseconds, async () => {
      const start = performance.now();
      await this.api.call("GET", "/_ping");
      times.push(performance.now() - start);
    });
    return { result, waits: summary(times) };
  }

  /** Does the work, and something else again and again until it is done. What fails first is thrown. */
  private async beside<T>(
    work: () => Promise<T>,
    milliseconds: number,
    again: () => Promise<void>,
  ): Promise<T> {
    const stop = new AbortController();
    const [done, other] = await Promise.allSettled([
      work().finally(() => stop.abort(canceled("the work is done"))),
      this.every(milliseconds, stop.signal, again),
    ]);
    if (done.status === "rejected") throw done.reason;
    if (other.status === "rejected") throw other.reason;
    return done.value;
  }

  private async every(
    milliseconds: number,
    signal: AbortSignal,
    work: () => Promise<void>,
  ): Promise<void> {
    while (!signal.aborted) {
      await work();
      await delay(milliseconds, undefined, { signal }).catch(() => undefined);
    }
  }

  private async shims(): Promise<number[]> {
    const found: number[] = [];
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const line = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
      if (line.includes("duet-shim") && line.includes(this.mark)) found.push(Number(name));
    }
    return found;
  }
}

async function descriptorsOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
}

function summary(times: readonly number[]): Waits {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { count: sorted.length, median: at(0.5), p99: at(0.99), longest: at(1) };
}
