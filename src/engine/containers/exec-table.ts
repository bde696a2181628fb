import type { ObjectId } from "../../domain/identity.ts";
import type { WorkloadProcess } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import type { ExecState } from "../engine.ts";

/** Ended execs that stay inspectable, oldest dropped first. */
const keptExecs = 1_000;

export interface Exec {
  state: ExecState;
  process: WorkloadProcess | undefined;
  /** Settles when its process runs, or cannot be run. */
  readonly begun: PromiseWithResolvers<void>;
}

/** Execs live in memory, as in Docker: a later daemon does not know them, their processes run on. */
export class ExecTable {
  private readonly execs = new Map<ObjectId, Exec>();
  /** Execs that have not ended, by container: what inspect lists. */
  private readonly open = new Map<ObjectId, Set<ObjectId>>();

  add(state: ExecState): Exec {
    const exec: Exec = { state, process: undefined, begun: Promise.withResolvers() };
    this.execs.set(state.id, exec);
    const ids = this.open.get(state.container) ?? new Set<ObjectId>();
    this.open.set(state.container, ids.add(state.id));
    this.dropOldest();
    return exec;
  }

  /** By id or prefix of at least twelve digits. Throws `not-found` EXEC_NOT_FOUND. */
  demand(id: string): Exec {
    const exec = this.execs.get(id) ?? this.byPrefix(id);
    if (exec !== undefined) return exec;
    throw new DuetError("not-found", "EXEC_NOT_FOUND", `No such exec instance: ${id}`);
  }

  ran(exec: Exec, process: WorkloadProcess): void {
    exec.process = process;
    exec.state = { ...exec.state, pid: process.pid };
    exec.begun.resolve();
  }

  ended(exec: Exec, exitCode: number): void {
    exec.begun.resolve();
    exec.state = { ...exec.state, running: false, exitCode };
    this.close(exec.state);
  }

  /** Ids of a container's execs that have not ended, oldest first. */
  of(container: ObjectId): readonly ObjectId[] {
    return [...(this.open.get(container) ?? [])];
  }

  /** Nobody will ask for it any more. */
  forget(exec: Exec): void {
    this.execs.delete(exec.state.id);
    this.close(exec.state);
  }

  /** The container is gone, and its execs with it. */
  forgetAllOf(container: ObjectId): void {
    for (const [id, { state }] of this.execs)
      if (state.container === container) this.execs.delete(id);
    this.open.delete(container);
  }

  private close({ container, id }: ExecState): void {
    const ids = this.open.get(container);
    ids?.delete(id);
    if (ids?.size === 0) this.open.delete(container);
  }

  private byPrefix(prefix: string): Exec | undefined {
    if (!/^[0-9a-f]{12,63}$/.test(prefix)) return undefined;
    for (const [id, exec] of this.execs) if (id.startsWith(prefix)) return exec;
    return undefined;
  }

  private dropOldest(): void {
    if (this.execs.size <= keptExecs) return;
    for (const exec of this.execs.values()) {
      if (exec.state.running) continue;
      this.forget(exec);
      if (this.execs.size <= keptExecs) return;
    }
  }
}
