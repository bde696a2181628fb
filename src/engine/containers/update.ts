import type { ContainerRecord, ContainerSpec } from "../../domain/container.ts";
import type { ResourceLimits } from "../../domain/limits.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { checkResources } from "./check-resources.ts";
import { findContainer, publishContainerEvent, underLock } from "./find.ts";
import { parseNetworkMode } from "./endpoints.ts";
import { runtimeOf } from "./runtime-of.ts";
import { workloadMounts } from "./workload-spec.ts";

/** Changes limits, live where it runs, and the restart policy. */
export async function updateContainer(
  context: EngineContext,
  reference: string,
  resources: Partial<ResourceLimits>,
  restart: ContainerSpec["lifecycle"]["restart"] | null,
  signal: AbortSignal,
): Promise<{ readonly warnings: readonly string[] }> {
  return await underLock(context, reference, signal, async (record) => {
    const { id } = record;
    const limits = { ...record.spec.resources, ...withSwap(record, resources) };
    const lifecycle = { ...record.spec.lifecycle, ...(restart === null ? {} : { restart }) };
    const asked: ContainerSpec = { ...record.spec, resources: limits, lifecycle };
    const general = checkResources({
      ...asked,
      lifecycle: { ...lifecycle, autoRemove: false },
      resources: {
        ...record.spec.resources,
        ...unset,
        ...(resources.memorySwap === undefined ? {} : { memory: record.spec.resources.memory }),
        ...resources,
      },
    });
    refuseConflicts(record, resources, restart);
    const known = new Set(accepted(context, record, record.spec.resources).warnings);
    const { resources: possible, warnings } = accepted(context, record, limits);
    const spec = { ...asked, resources: possible };
    if (Object.keys(resources).length > 0) await context.live.get(id)?.update(possible, signal);
    const updated = { ...findContainer(context, id), spec };
    context.store.transaction(() => context.store.containers.put(updated));
    publishContainerEvent(context, updated, "update");
    return { warnings: [...general, ...warnings.filter((warning) => !known.has(warning))] };
  });
}

/** A request is judged by itself first. */
const unset: Partial<ResourceLimits> = {
  memory: 0,
  memorySwap: 0,
  memoryReservation: 0,
  nanoCpus: 0,
  cpuPeriod: 0,
  cpuQuota: 0,
};

/** What the runtime makes of these limits on this host. */
function accepted(context: EngineContext, record: ContainerRecord, resources: ResourceLimits) {
  const { spec } = record;
  const { kind } = parseNetworkMode(spec.network.mode);
  return runtimeOf(context, spec.isolation).check({
    mounts: workloadMounts(record.mounts),
    resources,
    security: spec.security,
    network: { kind: kind === "none" || kind === "host" ? kind : "own" },
    init: spec.lifecycle.init,
  });
}

/** Memory and swap together as they are in force: unless named, twice the memory. */
function swapOf({ memory, memorySwap }: ResourceLimits): number {
  return memorySwap === 0 ? memory * 2 : memorySwap;
}

/** A new memory limit leaves that of memory and swap as it was. */
function withSwap(
  { spec }: ContainerRecord,
  changes: Partial<ResourceLimits>,
): Partial<ResourceLimits> {
  if (changes.memory === undefined || changes.memorySwap !== undefined) return changes;
  return { ...changes, memorySwap: swapOf(spec.resources) };
}

/** Changes that Docker refuses because of what is set already (moby, container/container_unix.go). */
function refuseConflicts(
  record: ContainerRecord,
  changes: Partial<ResourceLimits>,
  restart: ContainerSpec["lifecycle"]["restart"] | null,
): void {
  const { resources, lifecycle } = record.spec;
  const refuse = (why: string): never => {
    throw new DuetError(
      "conflict",
      "UPDATE_CONFLICT",
      `Cannot update container ${record.id}: ${why}`,
      { subject: `container ${record.name}` },
    );
  };
  if (lifecycle.autoRemove && restart !== null && restart.name !== "no") {
    refuse("Restart policy cannot be updated because AutoRemove is enabled for the container");
  }
  const exclusive = (what: string, isAsked: boolean, set: string, isSet: boolean): void => {
    if (!isAsked || !isSet) return;
    refuse(`Conflicting options: ${what} cannot be updated as ${set} has already been set`);
  };
  const { nanoCpus = 0, cpuPeriod = 0, cpuQuota = 0, memory = 0, memorySwap = 0 } = changes;
  exclusive("Nano CPUs", nanoCpus > 0, "CPU Period", resources.cpuPeriod > 0);
  exclusive("Nano CPUs", nanoCpus > 0, "CPU Quota", resources.cpuQuota > 0);
  exclusive("CPU Period", cpuPeriod > 0, "NanoCPUs", resources.nanoCpus > 0);
  exclusive("CPU Quota", cpuQuota > 0, "NanoCPUs", resources.nanoCpus > 0);
  if (memory > swapOf(resources) && memorySwap === 0) {
    refuse(
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  }
}
