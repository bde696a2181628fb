import type { ContainerEvent, ContainerRecord } from "../../domain/container.ts";
import { containerStates } from "../../domain/container.ts";
import { isObjectId } from "../../domain/identity.ts";
import type { Durability } from "../../domain/store.ts";
import { DuetError } from "../../kit/errors.ts";
import { nextState } from "../../kit/state-table.ts";
import type { EngineContext } from "../context.ts";

/** By full id, name (with or without a leading slash) or unambiguous id prefix, in Docker's order. */
export function findContainer(context: EngineContext, reference: string): ContainerRecord {
  const { containers } = context.store;
  const exact = isObjectId(reference) ? containers.get(reference) : undefined;
  const found = exact ?? containers.byName(reference.replace(/^\//, ""));
  if (found !== undefined) return found;
  if (/^[0-9a-f]{1,64}$/.test(reference)) {
    const matches = containers.byIdPrefix(reference);
    if (matches.length > 1) {
      throw new DuetError(
        "invalid",
        "ID_AMBIGUOUS",
        `Multiple IDs found with provided prefix: ${reference}`,
        { hint: "give more digits of the id, or the name" },
      );
    }
    if (matches[0] !== undefined) return matches[0];
  }
  throw new DuetError("not-found", "CONTAINER_NOT_FOUND", `No such container: ${reference}`, {
    subject: `container ${reference}`,
    hint: "list containers with `ps -a`",
  });
}

/** Runs `action` with a container's lock held, and with its record as it is then: a wait may have changed it. */
export async function underLock<T>(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
  action: (record: ContainerRecord) => Promise<T>,
): Promise<T> {
  const { id } = findContainer(context, reference);
  return await context.containerLocks.run(
    id,
    signal,
    async () => await action(findContainer(context, id)),
  );
}

const refusals: Readonly<Partial<Record<ContainerRecord["state"], string>>> = {
  removing: "is being removed",
  dead: "is dead: remove it",
  starting: "is being started",
  restarting: "is restarting, wait until it runs",
  paused: "is paused, unpause it first",
  running: "is running",
};

/** Throws `conflict` where the container is between two runs that its restart policy makes. */
export function refuseRestarting(record: ContainerRecord): void {
  if (record.state !== "restarting") return;
  throw new DuetError(
    "conflict",
    "CONTAINER_RESTARTING",
    `Container ${record.id} is restarting, wait until the container is running`,
  );
}

/** The record after `event` by the state table, with `changes`. Throws `conflict` STATE. */
export function advance(
  record: ContainerRecord,
  event: ContainerEvent,
  changes: Partial<ContainerRecord> = {},
): ContainerRecord {
  const state = nextState(containerStates, record.state, event);
  if (state === undefined) {
    const why = refusals[record.state] ?? `is not running (${record.state})`;
    throw new DuetError(
      "conflict",
      "CONTAINER_STATE",
      `container ${record.name} ${why}: cannot ${event} it`,
      {
        subject: `container ${record.name}`,
      },
    );
  }
  return { ...record, ...changes, state };
}

/** Reads the newest record, applies the event and stores it, in one transaction. */
export function transition(
  context: EngineContext,
  id: string,
  event: ContainerEvent,
  changes: Partial<ContainerRecord> = {},
  durability: Durability = "now",
): ContainerRecord {
  return context.store.transaction(() => {
    const record = context.store.containers.get(id);
    if (record === undefined) {
      throw new DuetError("not-found", "CONTAINER_NOT_FOUND", `No such container: ${id}`);
    }
    const next = advance(record, event, changes);
    context.store.containers.put(next);
    return next;
  }, durability);
}

/** Attributes that Docker puts on every container event. */
export function eventAttributes(record: ContainerRecord): Record<string, string> {
  return { ...record.resolved.labels, image: record.spec.image, name: record.name };
}

export function publishContainerEvent(
  context: EngineContext,
  record: ContainerRecord,
  action: string,
  extra: Readonly<Record<string, string>> = {},
): void {
  context.events.publish({
    type: "container",
    action,
    id: record.id,
    attributes: { ...eventAttributes(record), ...extra },
  });
}
