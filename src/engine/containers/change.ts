import { checkObjectName } from "../../domain/identity.ts";
import { withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import { endpointsOf } from "./endpoints.ts";
import {
  advance,
  findContainer,
  publishContainerEvent,
  refuseRestarting,
  transition,
  underLock,
} from "./find.ts";

const freezeMilliseconds = 30_000;

/** `held`: until the engine itself resumes it, soon. */
export async function pauseContainer(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
  held = false,
): Promise<void> {
  await underLock(context, reference, signal, async (record) => {
    const { id } = record;
    if (record.state === "paused") {
      throw new DuetError(
        "conflict",
        "CONTAINER_STATE",
        `Container ${record.id} is already paused`,
      );
    }
    refuseRestarting(record);
    if (record.state !== "running") {
      throw new DuetError("conflict", "NOT_RUNNING", `container ${record.id} is not running`);
    }
    advance(record, "pause");
    const soon = withDeadline(signal, freezeMilliseconds, `pause of container ${record.name}`);
    if (held) hold(context, id, true);
    try {
      await context.live.demand(id).pause(soon);
    } catch (error) {
      if (held) hold(context, id, false);
      throw error;
    }
    await failpoint("pause.paused");
    const health = context.health.stop(record);
    const paused = transition(context, id, "pause", health === undefined ? {} : { health });
    publishContainerEvent(context, paused, "pause");
  });
}

function hold(context: EngineContext, id: string, held: boolean): void {
  context.store.transaction(() =>
    context.store.containers.put({ ...findContainer(context, id), held }),
  );
}

/** After `pauseContainer` with `held`; nothing where it has ended or was resumed meanwhile. */
export async function letGo(
  context: EngineContext,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const record = context.store.containers.get(id);
  if (record?.state === "paused" && record.held === true)
    await resumeContainer(context, id, signal);
}

export async function resumeContainer(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<void> {
  await underLock(context, reference, signal, async (record) => {
    const { id } = record;
    if (record.state !== "paused") {
      throw new DuetError("conflict", "CONTAINER_STATE", `Container ${record.id} is not paused`, {
        http: 500,
      });
    }
    const soon = withDeadline(signal, freezeMilliseconds, `unpause of container ${record.name}`);
    await context.live.demand(id).resume(soon);
    const resumed = transition(context, id, "resume", { held: false });
    context.health.begin(context, resumed);
    publishContainerEvent(context, resumed, "unpause");
  });
}

export async function renameContainer(
  context: EngineContext,
  reference: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await underLock(context, reference, signal, async (record) => {
    const plain = name.replace(/^\//, "");
    checkNewName(plain);
    const { name: oldName } = record;
    if (plain === oldName) {
      throw new DuetError(
        "invalid",
        "NAME_SAME",
        "Renaming a container with the same name as its current name",
      );
    }
    const holder = context.store.containers.byName(plain);
    if (holder !== undefined) {
      throw new DuetError(
        "conflict",
        "NAME_IN_USE",
        `Error when allocating new name: Conflict. The container name "/${plain}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
    const endpoints = record.endpoints.map((endpoint) => ({
      ...endpoint,
      dnsNames: endpoint.dnsNames.map((dnsName) => (dnsName === oldName ? plain : dnsName)),
    }));
    const renamed = { ...record, name: plain, endpoints };
    context.store.transaction(() => context.store.containers.put(renamed));
    for (const { network, endpoint } of endpointsOf(context, renamed)) {
      context.network.rename?.(network, endpoint);
    }
    publishContainerEvent(context, renamed, "rename", { oldName: `/${oldName}` });
  });
}

function checkNewName(plain: string): void {
  try {
    checkObjectName("container", plain);
  } catch (cause) {
    throw new DuetError(
      "invalid",
      "NAME_INVALID",
      `Error when allocating new name: Invalid container name (/${plain.slice(0, 80)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      { cause },
    );
  }
}
