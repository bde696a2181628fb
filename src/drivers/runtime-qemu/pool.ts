import { isDuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Machine } from "./machine.ts";

/** VMs of the default shape, restored and rehearsed, that wait for a workload. */
export class Pool {
  private readonly size: number;
  private readonly open: (signal: AbortSignal) => Promise<Machine>;
  private readonly discard: (machine: Machine) => Promise<void>;
  private readonly log: Log;
  private readonly ready: Machine[] = [];
  private readonly stopping = new AbortController();
  private filling: Promise<void> | undefined;

  constructor(options: {
    readonly size: number;
    readonly open: (signal: AbortSignal) => Promise<Machine>;
    readonly discard: (machine: Machine) => Promise<void>;
    readonly log: Log;
  }) {
    this.size = options.size;
    this.open = options.open;
    this.discard = options.discard;
    this.log = options.log;
  }

  /** How many wait. */
  get waiting(): number {
    return this.ready.length;
  }

  /** One that waits, or undefined; it is the caller's from now on. */
  take(): Machine | undefined {
    return this.ready.shift();
  }

  /** Fills up in the background; resolves when it is full, or filling has failed. */
  async fill(): Promise<void> {
    this.filling ??= this.fillUp().finally(() => {
      this.filling = undefined;
    });
    await this.filling;
  }

  private async fillUp(): Promise<void> {
    const { signal } = this.stopping;
    while (this.ready.length < this.size && !signal.aborted) {
      try {
        this.add(await this.open(signal));
      } catch (error) {
        if (!signal.aborted) this.log.warn("pool-fill-failed", { error });
        return;
      }
    }
  }

  /** A member that dies while it waits is dropped, and cleaned up after. */
  private add(machine: Machine): void {
    if (this.stopping.signal.aborted) {
      void this.remove(machine);
      return;
    }
    this.ready.push(machine);
    void machine.link.closed.then(() => this.lose(machine));
  }

  private lose(machine: Machine): void {
    const index = this.ready.indexOf(machine);
    if (index < 0) return;
    this.ready.splice(index, 1);
    this.log.warn("pool-member-lost", { machine: machine.name });
    void this.remove(machine);
  }

  private async remove(machine: Machine): Promise<void> {
    try {
      await this.discard(machine);
    } catch (error) {
      this.log.warn("pool-member-left-behind", { machine: machine.name, error });
    }
  }

  async close(reason: Error): Promise<void> {
    this.stopping.abort(reason);
    await this.filling?.catch((error: unknown) => {
      if (!isDuetError(error, "canceled")) throw error;
    });
    await Promise.all(this.ready.splice(0).map((machine) => this.remove(machine)));
  }
}
