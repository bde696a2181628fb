import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { canceled } from "../../src/kit/abort.ts";
import { memoryOf } from "../engines/daemon.ts";
import type { Api } from "./api.ts";
import { processorWait } from "./processor-wait.ts";

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

/**
 * How long an untroubled client waited for `/_ping`, without what it waited itself for a processor, and
 * how the daemon fared meanwhile. Milliseconds.
 */
export interface Waits {
  /** For how long the daemon's loop was held up at most. */
  readonly loop: number;
  /** The same without what it waited for a processor. */
  readonly loopOwn: number;
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
  /** Where loop-probe.ts writes. */
  private readonly probe: string;
  private readonly api: Api;
  private readonly start = performance.now();
  readonly holdings: Holding[] = [];

  constructor(watched: {
    readonly pid: number;
    readonly mark: string;
    /** Absent where the daemon has no probe. */
    readonly probe?: string;
    readonly api: Api;
  }) {
    this.pid = watched.pid;
    this.mark = watched.mark;
    this.probe = watched.probe ?? "";
    this.api = watched.api;
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
    const ownWait = processorWait();
    const from = Date.now();
    const result = await this.beside(work, pingMilliseconds, async () => {
      const [start, waited] = [performance.now(), ownWait()];
      await this.api.call("GET", "/_ping");
      times.push(performance.now() - start - (ownWait() - waited));
    });
    return { result, waits: { ...summary(times), ...(await this.loopSince(from)) } };
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

  private async loopSince(from: number): Promise<Pick<Waits, "loop" | "loopOwn">> {
    const text = this.probe === "" ? "" : await readFile(this.probe, "utf8");
    const lines = text.split("\n").slice(0, -1);
    const reports = lines
      .map((line) => JSON.parse(line) as { at: number; longest: number; own: number })
      .filter(({ at }) => at >= from);
    return {
      loop: Math.max(0, ...reports.map(({ longest }) => longest)),
      loopOwn: Math.max(0, ...reports.map(({ own }) => own)),
    };
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

function summary(times: readonly number[]): Omit<Waits, "loop" | "loopOwn"> {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { count: sorted.length, median: at(0.5), p99: at(0.99), longest: at(1) };
}
