import { setTimeout as delay } from "node:timers/promises";
import type { ContainerRecord } from "../../domain/container.ts";
import { initialHealth, type HealthState } from "../../domain/health.ts";
import type { ObjectId } from "../../domain/identity.ts";
import { canceled } from "../../kit/abort.ts";
import type { EngineContext } from "../context.ts";
import { publishContainerEvent } from "../containers/find.ts";
import { healthPlan, nextDelay, withResult, type HealthPlan } from "./plan.ts";
import { probe } from "./probe.ts";

interface Monitor {
  state: HealthState;
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

/**
 * The health checks of running containers. Results stay in memory; the store gets what they come to
 * (a new status, the end of a run), so that a check costs no write to disk.
 */
export class HealthMonitors {
  private readonly monitors = new Map<ObjectId, Monitor>();

  /** The newest state of a container, else what its record says. */
  stateOf(record: ContainerRecord): HealthState | undefined {
    return this.monitors.get(record.id)?.state ?? record.health;
  }

  /** Checks a running container from now on, where it has a check. */
  begin(context: EngineContext, record: ContainerRecord): void {
    const plan = healthPlan(record.resolved);
    if (plan === undefined || this.monitors.has(record.id)) return;
    const controller = new AbortController();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const monitor: Monitor = { state: record.health ?? initialHealth, controller, ended };
    this.monitors.set(record.id, monitor);
    this.watch(context, record, plan, monitor).then(resolve, (error: unknown) => {
      if (!controller.signal.aborted) {
        context.log.warn("health-monitor-failed", { container: record.id, error });
      }
      resolve();
    });
  }

  /**
   * No more checks; one under way is killed. Gives the last state, for the record: as in Docker, what
   * is not checked any more counts as unhealthy.
   */
  stop(record: ContainerRecord): HealthState | undefined {
    const state = this.stateOf(record);
    if (!this.forget(record.id)) return state;
    return state === undefined ? undefined : { ...state, status: "unhealthy" };
  }

  /** No more checks of what is gone. Gives whether there were any. */
  forget(id: ObjectId): boolean {
    this.monitors.get(id)?.controller.abort(canceled("the container's run is over"));
    return this.monitors.delete(id);
  }

  /** Ends all checks and stores what they came to; resolves when none runs. */
  async close(context: EngineContext): Promise<void> {
    const monitors = [...this.monitors.entries()];
    context.store.transaction(() => {
      for (const [id, { state }] of monitors) putHealth(context, id, state);
    });
    for (const [, { controller }] of monitors) controller.abort(canceled("the engine ends"));
    this.monitors.clear();
    await Promise.all(monitors.map(([, { ended }]) => ended));
  }

  private async watch(
    context: EngineContext,
    record: ContainerRecord,
    plan: HealthPlan,
    monitor: Monitor,
  ): Promise<void> {
    const { signal } = monitor.controller;
    const { startedAt } = record;
    for (;;) {
      const pause = nextDelay(plan, monitor.state, startedAt, Date.now());
      await delay(pause, undefined, { signal, ref: false });
      const result = await probe(context, record, plan, signal);
      if (signal.aborted) return;
      const before = monitor.state.status;
      monitor.state = withResult(plan, monitor.state, result, startedAt);
      if (monitor.state.status === before) continue;
      const current = context.store.transaction(() => putHealth(context, record.id, monitor.state));
      if (current === undefined) return;
      publishContainerEvent(context, current, `health_status: ${monitor.state.status}`);
    }
  }
}

function putHealth(
  context: EngineContext,
  id: ObjectId,
  health: HealthState,
): ContainerRecord | undefined {
  const current = context.store.containers.get(id);
  if (current === undefined) return undefined;
  const next = { ...current, health };
  context.store.containers.put(next);
  return next;
}
