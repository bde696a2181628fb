import type { ObjectId } from "../domain/identity.ts";
import type { AttachedStreams, ExitRecord } from "../domain/process.ts";
import type { Workload } from "../domain/runtime.ts";
import { DuetError } from "../kit/errors.ts";

interface Waiter {
  readonly condition: "exit" | "removed";
  readonly resolve: (record: ExitRecord) => void;
}

interface PendingAttach {
  readonly stdin: boolean;
  isWanted: boolean;
  readonly resolve: (streams: AttachedStreams) => void;
  readonly reject: (reason: unknown) => void;
}

const keptDepartures = 1_000;
const departureMilliseconds = 10_000;

/** Workloads that run under this engine, and who waits for what of a container. */
export class LiveContainers {
  private readonly workloads = new Map<ObjectId, Workload>();
  private readonly waiters = new Map<ObjectId, Set<Waiter>>();
  private readonly attaches = new Map<ObjectId, Set<PendingAttach>>();
  private readonly releases = new Map<ObjectId, Promise<void>>();
  private readonly claims = new Map<string, number>();

  private readonly stopping = new Set<ObjectId>();
  private readonly departed = new Map<ObjectId, ExitRecord>();

  /** Keeps how a container ended that was removed by itself, for who asks a moment late. */
  noteDeparted(id: ObjectId, exit: ExitRecord): void {
    this.departed.set(id, exit);
    if (this.departed.size <= keptDepartures) return;
    const [oldest] = this.departed.keys();
    if (oldest !== undefined) this.departed.delete(oldest);
  }

  departure(id: ObjectId): ExitRecord | undefined {
    const exit = this.departed.get(id);
    const isRecent = exit !== undefined && Date.now() - exit.exitedAt < departureMilliseconds;
    return isRecent ? exit : undefined;
  }

  /** A client has asked for the end of its run: who sees that first tells of it. */
  expectStop(id: ObjectId): void {
    this.stopping.add(id);
  }

  /** Whether a stop was expected that nobody has told of yet. */
  takeStop(id: ObjectId): boolean {
    return this.stopping.delete(id);
  }

  get(id: ObjectId): Workload | undefined {
    return this.workloads.get(id);
  }

  /** Throws `conflict` NOT_RUNNING. */
  demand(id: ObjectId): Workload {
    const workload = this.workloads.get(id);
    if (workload !== undefined) return workload;
    throw new DuetError("conflict", "NOT_RUNNING", `container ${id} is not running`);
  }

  add(workload: Workload): void {
    this.workloads.set(workload.id, workload);
  }

  forget(id: ObjectId): void {
    this.workloads.delete(id);
  }

  /** Registers at the call; the promise resolves on the next exit, or on removal with the last exit. */
  waitFor(id: ObjectId, condition: Waiter["condition"], signal: AbortSignal): Promise<ExitRecord> {
    const { promise, resolve, reject } = Promise.withResolvers<ExitRecord>();
    const waiter: Waiter = { condition, resolve };
    const set = this.waiters.get(id) ?? new Set<Waiter>();
    this.waiters.set(id, set.add(waiter));
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    return promise.finally(() => {
      signal.removeEventListener("abort", abort);
      set.delete(waiter);
      if (set.size === 0 && this.waiters.get(id) === set) this.waiters.delete(id);
    });
  }

  announce(id: ObjectId, condition: Waiter["condition"], record: ExitRecord): void {
    for (const waiter of this.waiters.get(id) ?? []) {
      if (waiter.condition === condition) waiter.resolve(record);
    }
  }

  /** Streams of the container's next run, given as soon as its process exists and before it starts. */
  attachToNextRun(id: ObjectId, stdin: boolean, signal: AbortSignal): Promise<AttachedStreams> {
    const { promise, resolve, reject } = Promise.withResolvers<AttachedStreams>();
    const pending: PendingAttach = { stdin, isWanted: true, resolve, reject };
    const set = this.attaches.get(id) ?? new Set<PendingAttach>();
    this.attaches.set(id, set.add(pending));
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    return promise.finally(() => {
      signal.removeEventListener("abort", abort);
      pending.isWanted = false;
      set.delete(pending);
      if (set.size === 0 && this.attaches.get(id) === set) this.attaches.delete(id);
    });
  }

  async serveAttaches(workload: Workload, signal: AbortSignal): Promise<void> {
    const pending = [...(this.attaches.get(workload.id) ?? [])];
    await Promise.all(
      pending.map(async (attach) => {
        try {
          const streams = await workload.attach({ stdin: attach.stdin }, signal);
          // Output that nobody reads would hold the process back.
          if (attach.isWanted) attach.resolve(streams);
          else streams.detach();
        } catch (error) {
          attach.reject(error);
        }
      }),
    );
  }

  /** A container under way will use the volume: until `unclaimVolume` it must not be removed. */
  claimVolume(name: string): void {
    this.claims.set(name, (this.claims.get(name) ?? 0) + 1);
  }

  unclaimVolume(name: string): void {
    const left = (this.claims.get(name) ?? 0) - 1;
    if (left > 0) this.claims.set(name, left);
    else this.claims.delete(name);
  }

  isClaimed(volume: string): boolean {
    return this.claims.has(volume);
  }

  /** Notes that the links and addresses of a container's run are being given back. */
  releasing(id: ObjectId, released: Promise<void>): void {
    this.releases.set(id, released);
    const forget = (): void => {
      if (this.releases.get(id) === released) this.releases.delete(id);
    };
    released.then(forget, forget);
  }

  /** Resolves when what ended runs hold at this moment is given back: one container's, or everyone's. */
  async released(id?: ObjectId): Promise<void> {
    const own = id === undefined ? undefined : (this.releases.get(id) ?? Promise.resolve());
    await Promise.allSettled(own === undefined ? [...this.releases.values()] : [own]);
  }

  /** The run that attaches wait for will not come. */
  refuseAttaches(id: ObjectId, reason: unknown): void {
    for (const attach of this.attaches.get(id) ?? []) attach.reject(reason);
  }
}
