import type { ContainerRecord } from "../../domain/container.ts";
import type { EndpointRecord, EndpointSpec, NetworkRecord } from "../../domain/network.ts";
import type { Workload } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { Scope } from "../../kit/scope.ts";
import { parseNetworkMode, planEndpoint } from "../containers/endpoints.ts";
import { findContainer } from "../containers/find.ts";
import type { EngineContext } from "../context.ts";
import { publishNetworkEvent } from "./events.ts";
import { findNetwork } from "./find.ts";

/** Connects a container to one more network, at once where it runs. */
export async function connectContainer(
  context: EngineContext,
  reference: string,
  container: string,
  spec: EndpointSpec,
  signal: AbortSignal,
): Promise<void> {
  const network = findNetwork(context, reference);
  const { id } = findContainer(context, container);
  await context.containerLocks.run(id, signal, async () => {
    const record = findContainer(context, id);
    if (record.endpoints.some((endpoint) => endpoint.network === network.id)) {
      throw new DuetError(
        "denied",
        "ENDPOINT_EXISTS",
        `endpoint with name ${record.name} already exists in network ${network.spec.name}`,
      );
    }
    if (parseNetworkMode(record.spec.network.mode).kind !== "networks") {
      throw new DuetError(
        "denied",
        "NETWORK_MODE",
        `container ${record.name} has network mode ${record.spec.network.mode}: it cannot be connected to a network`,
      );
    }
    const planned = planEndpoint(id, record.name, record.spec, network, spec);
    await using scope = new Scope();
    const workload = context.live.get(id);
    const endpoint =
      workload === undefined
        ? planned
        : await connectLive(context, scope, record, workload, network, planned, signal);
    await failpoint("network.connected");
    context.store.transaction(() => {
      const current = findContainer(context, id);
      // It may have been removed while the connection was being made.
      findNetwork(context, network.id);
      context.store.containers.put({ ...current, endpoints: [...current.endpoints, endpoint] });
    });
    scope.commit();
    publishNetworkEvent(context, network, "connect", id);
  });
}

async function connectLive(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
  workload: Workload,
  network: NetworkRecord,
  planned: EndpointRecord,
  signal: AbortSignal,
): Promise<EndpointRecord> {
  const { link } = workload;
  if (link === null || link.kind === "tap") {
    throw new DuetError(
      "unsupported",
      "VM_NETWORKS",
      "a running virtual machine cannot be connected to another network yet",
      {
        subject: `container ${record.name}`,
        hint: "stop it, connect it, and start it again",
      },
    );
  }
  const lease = context.network.reserve(network, planned.id, planned.spec);
  scope.defer(() => context.network.release(network, planned.id));
  const interfaceName = freeInterface(record);
  const endpoint: EndpointRecord = { ...planned, ...lease, interfaceName };
  scope.defer((until) => context.network.disconnect(network, endpoint, until));
  const setup = await context.network.connect(network, endpoint, link, interfaceName, signal);
  await workload.configureNetwork([setup], signal);
  return endpoint;
}

/** The first name that no connection has: earlier ones may have been disconnected. */
function freeInterface(record: ContainerRecord): string {
  const taken = new Set(record.endpoints.map((endpoint) => endpoint.interfaceName));
  for (let index = 0; ; index += 1) if (!taken.has(`eth${index}`)) return `eth${index}`;
}

export async function disconnectContainer(
  context: EngineContext,
  reference: string,
  container: string,
  force: boolean,
  signal: AbortSignal,
): Promise<void> {
  const network = findNetwork(context, reference);
  const { id } = findContainer(context, container);
  await context.containerLocks.run(id, signal, async () => {
    const record = findContainer(context, id);
    const endpoint = record.endpoints.find((each) => each.network === network.id);
    if (endpoint === undefined) {
      if (force) return;
      throw new DuetError(
        "denied",
        "ENDPOINT_MISSING",
        `container ${record.id} is not connected to network ${network.spec.name}`,
      );
    }
    if (context.live.get(id) !== undefined) {
      await context.network.disconnect(network, endpoint, signal);
      context.network.release(network, endpoint.id);
    }
    await failpoint("network.disconnected");
    context.store.transaction(() => {
      const current = findContainer(context, id);
      const endpoints = current.endpoints.filter((each) => each.id !== endpoint.id);
      context.store.containers.put({ ...current, endpoints });
    });
    publishNetworkEvent(context, network, "disconnect", id);
  });
}
