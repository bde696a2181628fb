import type { ContainerSpec } from "../../domain/container.ts";
import { checkObjectName } from "../../domain/identity.ts";
import type { ResourceLimits } from "../../domain/limits.ts";
import { withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { checkResources } from "./check-resources.ts";
import { endpointsOf } from "./endpoints.ts";
import {
  advance,
  findContainer,
  publishContainerEvent,
  refuseRestarting,
  transition,
} from "./find.ts";

const freezeMilliseconds = 30_000;

export async function pauseContainer(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<void> {
  const { id } = findContainer(context, reference);
  await context.containerLocks.run(id, signal, async () => {
    const record = findContainer(context, id);
    if (record.state === "paused") {
      throw new DuetError(
        "conflict",
        "CONTAINER_STATE",
        `container ${record.id} is already paused`,
      );
    }
    refuseRestarting(record);
    advance(record, "pause");
    const soon = withDeadline(signal, freezeMilliseconds, `pause of container ${record.name}`);
    await context.live.demand(id).pause(soon);
    const health = context.health.stop(record);
    const paused = transition(context, id, "pause", health === undefined ? {} : { health });
    publishContainerEvent(context, paused, "pause");
  });
}

export async function resumeContainer(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<void> {
  const { id } = findContainer(context, reference);
  await context.containerLocks.run(id, signal, async () => {
    const record = findContainer(context, id);
    if (record.state !== "paused") {
      throw new DuetError("conflict", "CONTAINER_STATE", `Container ${record.id} is not paused`);
    }
    const soon = withDeadline(signal, freezeMilliseconds, `unpause of container ${record.name}`);
    await context.live.demand(id).resume(soon);
    const resumed = transition(context, id, "resume");
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
  const { id } = findContainer(context, reference);
  const plain = name.replace(/^\//, "");
  checkObjectName("container", plain);
  await context.containerLocks.run(id, signal, async () => {
    const record = findContainer(context, id);
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
        `Conflict. The container name "/${plain}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
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

/** Changes limits, live where it runs, and the restart policy. */
export async function updateContainer(
  context: EngineContext,
  reference: string,
  resources: Partial<ResourceLimits>,
  restart: ContainerSpec["lifecycle"]["restart"] | null,
  signal: AbortSignal,
): Promise<{ readonly warnings: readonly string[] }> {
  const { id } = findContainer(context, reference);
  return await context.containerLocks.run(id, signal, async () => {
    const record = findContainer(context, id);
    const spec: ContainerSpec = {
      ...record.spec,
      resources: { ...record.spec.resources, ...resources },
      lifecycle: { ...record.spec.lifecycle, restart: restart ?? record.spec.lifecycle.restart },
    };
    const warnings = checkResources(spec);
    if (Object.keys(resources).length > 0)
      await context.live.get(id)?.update(spec.resources, signal);
    const updated = { ...findContainer(context, id), spec };
    context.store.transaction(() => context.store.containers.put(updated));
    publishContainerEvent(context, updated, "update");
    return { warnings };
  });
}
