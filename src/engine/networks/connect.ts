import type { ContainerRecord } from "../../domain/container.ts";
import type { EndpointRecord, EndpointSpec, NetworkRecord } from "../../domain/network.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { Scope } from "../../kit/scope.ts";
import { parseNetworkMode, planEndpoint } from "../containers/endpoints.ts";
import { findContainer, underLock } from "../containers/find.ts";
import type { EngineContext } from "../context.ts";
import { publishNetworkEvent } from "./events.ts";
import { findNetwork } from "./find.ts";
import { connectLive, disconnectLive } from "./live-links.ts";

/** Connects a container to one more network, at once where it runs. */
export async function connectContainer(
  context: EngineContext,
  reference: string,
  container: string,
  spec: EndpointSpec,
  signal: AbortSignal,
): Promise<void> {
  const network = findNetwork(context, reference);
  await underLock(context, container, signal, async (record) => {
    const { id } = record;
    refuseSharedStack(record, network);
    const workload = context.live.get(id);
    const isThere = record.endpoints.some((endpoint) => endpoint.network === network.id);
    if (isThere && workload !== undefined) {
      throw new DuetError(
        "denied",
        "ENDPOINT_EXISTS",
        `endpoint with name ${record.name} already exists in network ${network.spec.name}`,
      );
    }
    const planned = planEndpoint(context, id, record.name, record.spec, network, spec);
    await using scope = new Scope();
    const others = record.endpoints.filter((endpoint) => endpoint.network !== network.id);
    const endpoints =
      workload === undefined
        ? [...others, planned]
        : await connectLive(context, scope, record, workload, network, planned, signal);
    await failpoint("network.connected");
    // The network may have been removed while the connection was being made.
    findNetwork(context, network.id);
    store(context, id, endpoints);
    scope.commit();
    if (workload !== undefined) publishNetworkEvent(context, network, "connect", id);
  });
}

/** Docker's words for what has no network stack of its own, or none that may have an interface. */
function refuseSharedStack(record: ContainerRecord, network: NetworkRecord): void {
  const { kind } = parseNetworkMode(record.spec.network.mode);
  const refuse = (message: string): never => {
    throw new DuetError("invalid", "NETWORK_MODE", message, {
      subject: `container ${record.name}`,
      hint: "make the container anew on the networks that it is to have",
    });
  };
  if (kind === "container" || kind === "host") {
    refuse(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  }
  if (network.spec.driver === "host") {
    refuse(
      "cannot connect container to host network - container must be created in host network mode",
    );
  }
  const hasNone = record.endpoints.some((endpoint) => endpoint.networkName === "none");
  if (hasNone || network.spec.driver === "none") {
    refuse(
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  }
}

export async function disconnectContainer(
  context: EngineContext,
  reference: string,
  container: string,
  force: boolean,
  signal: AbortSignal,
): Promise<void> {
  const network = findNetwork(context, reference);
  const { id } = findMember(context, container, force);
  await context.containerLocks.run(id, signal, async () => {
    const record = findContainer(context, id);
    const endpoint = record.endpoints.find((each) => each.network === network.id);
    const workload = context.live.get(id);
    if (endpoint === undefined) throw notConnected(record, network, workload !== undefined);
    if (network.spec.driver === "host") throw sharesHost();
    const endpoints =
      workload === undefined
        ? record.endpoints.filter((each) => each.id !== endpoint.id)
        : await disconnectLive(context, record, workload, network, endpoint, signal);
    await failpoint("network.disconnected");
    store(context, id, endpoints);
    if (workload !== undefined) publishNetworkEvent(context, network, "disconnect", id);
  });
}

/** With force, Docker looks for an endpoint of that name where there is no container. */
function findMember(context: EngineContext, container: string, force: boolean): ContainerRecord {
  try {
    return findContainer(context, container);
  } catch (error) {
    if (!force || !isDuetError(error, "not-found")) throw error;
    throw new DuetError("not-found", "ENDPOINT_MISSING", `endpoint ${container} not found`);
  }
}

function sharesHost(): DuetError {
  return new DuetError(
    "invalid",
    "NETWORK_MODE",
    "cannot disconnect container from host network - container was created in host network mode",
  );
}

function notConnected(record: ContainerRecord, network: NetworkRecord, runs: boolean): DuetError {
  return new DuetError(
    "internal",
    "ENDPOINT_MISSING",
    `container ${record.id} is not connected to ${runs ? "" : "the "}network ${network.spec.name}`,
  );
}

function store(context: EngineContext, id: string, endpoints: readonly EndpointRecord[]): void {
  context.store.transaction(() => {
    context.store.containers.put({ ...findContainer(context, id), endpoints });
  });
}
