import type { ContainerRecord } from "../../domain/container.ts";
import { newObjectId } from "../../domain/identity.ts";
import type { NetworkRecord, NetworkSpec } from "../../domain/network.ts";
import { never } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import type { NetworkUseCases } from "../engine.ts";
import { connectContainer, disconnectContainer } from "./connect.ts";
import { refuseUsedConfiguration, withConfiguration } from "./configuration.ts";
import { publishNetworkEvent } from "./events.ts";
import { findNetwork } from "./find.ts";

/** The network verbs, bound to one engine. */
export function networkUseCases(context: EngineContext): NetworkUseCases {
  return {
    get: (reference) => findNetwork(context, reference),
    list: () => context.store.networks.list(),
    members: (network) => liveMembers(context, network),
    create: (spec, signal) => createNetwork(context, spec, signal),
    remove: (reference, signal) => removeNetwork(context, reference, signal),
    connect: (reference, container, endpoint, signal) =>
      connectContainer(context, reference, container, endpoint, signal),
    disconnect: (reference, container, force, signal) =>
      disconnectContainer(context, reference, container, force, signal),
    prune: async (keep, signal) => {
      const deleted: string[] = [];
      for (const network of context.store.networks.list()) {
        if (
          network.predefined ||
          network.spec.configOnly === true ||
          keep(network) ||
          members(context, network).length > 0
        )
          continue;
        await removeNetwork(context, network.id, signal);
        deleted.push(network.spec.name);
      }
      context.events.pruned("network", 0);
      return { deleted, reclaimed: 0 };
    },
  };
}

function members(context: EngineContext, network: NetworkRecord): readonly ContainerRecord[] {
  return context.store.containers
    .list()
    .filter((record) => record.endpoints.some((endpoint) => endpoint.network === network.id));
}

function liveMembers(context: EngineContext, network: NetworkRecord): readonly ContainerRecord[] {
  return members(context, network).filter((record) =>
    ["starting", "running", "paused"].includes(record.state),
  );
}

/** One at a time, so that two networks never plan the same subnet or bridge. */
export async function createNetwork(
  context: EngineContext,
  wanted: NetworkSpec,
  signal: AbortSignal,
  predefined = false,
): Promise<{ readonly id: string; readonly warning: string }> {
  if (!predefined) refuse(wanted);
  return await context.objectLocks.run("networks", signal, async () => {
    const same = context.store.networks.list().find((network) => network.spec.name === wanted.name);
    if (same !== undefined) {
      throw new DuetError(
        "conflict",
        "NAME_IN_USE",
        `network with name ${wanted.name} already exists`,
      );
    }
    const spec = withConfiguration(context, wanted);
    const planned = await context.network.plan(newObjectId(), spec, context.store.networks.list());
    const network: NetworkRecord = { ...planned, predefined };
    await using scope = new Scope();
    if (spec.driver === "bridge") {
      scope.defer((until) => context.network.down(network, until));
      await context.network.up(network, signal);
    }
    await failpoint("network.up");
    context.store.transaction(() => context.store.networks.put(network));
    scope.commit();
    publishNetworkEvent(context, network, "create");
    return { id: network.id, warning: "" };
  });
}

function refuse(spec: NetworkSpec): void {
  if (spec.name.trim() === "") {
    throw new DuetError("invalid", "NAME_INVALID", "invalid name: name is empty");
  }
  if (["bridge", "host", "none", "default"].includes(spec.name)) {
    throw new DuetError(
      "denied",
      "NETWORK_PREDEFINED",
      `operation is not permitted on predefined ${spec.name} network `,
    );
  }
  if (spec.configOnly === true) return;
  if (spec.driver === "host" || spec.driver === "none" || spec.driver === "null") {
    throw new DuetError(
      "denied",
      "NETWORK_PREDEFINED",
      `only one instance of "${spec.driver === "none" ? "null" : spec.driver}" network is allowed`,
    );
  }
  if (spec.driver !== "bridge") {
    throw new DuetError(
      "not-found",
      "NETWORK_DRIVER",
      `plugin ${JSON.stringify(spec.driver.slice(0, 80))} not found`,
      { hint: "the network driver is bridge" },
    );
  }
}

async function removeNetwork(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<void> {
  const { id } = findNetwork(context, reference);
  await context.objectLocks.run("networks", signal, () => removeLocked(context, id, signal));
}

async function removeLocked(
  context: EngineContext,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const network = findNetwork(context, id);
  if (network.predefined) {
    throw new DuetError(
      "denied",
      "NETWORK_PREDEFINED",
      `${network.spec.name} is a pre-defined network and cannot be removed`,
    );
  }
  refuseUsedConfiguration(context, network);
  const live = liveMembers(context, network);
  if (live.length > 0) {
    throw new DuetError(
      "denied",
      "NETWORK_IN_USE",
      `error while removing network: network ${network.spec.name} has active endpoints (${live.map((record) => endpointWords(record, network)).join(", ")})`,
    );
  }
  // Stopped members keep their endpoint: their next start says that the network is gone, or finds one of its name.
  context.store.transaction(() => context.store.networks.delete(network.id));
  await failpoint("network.removed");
  await context.network.down(network, signal);
  publishNetworkEvent(context, network, "destroy");
}

/** As Docker names an endpoint that is in the way. */
function endpointWords(record: ContainerRecord, network: NetworkRecord): string {
  const endpoint = record.endpoints.find((each) => each.network === network.id);
  return `name:"${record.name}" id:"${endpoint?.id.slice(0, 12) ?? ""}"`;
}

const predefined: readonly Pick<NetworkSpec, "name" | "driver" | "options">[] = [
  {
    name: "bridge",
    driver: "bridge",
    options: {
      "com.docker.network.bridge.default_bridge": "true",
      "com.docker.network.bridge.enable_icc": "true",
      "com.docker.network.bridge.enable_ip_masquerade": "true",
      "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
    },
  },
  { name: "host", driver: "host", options: {} },
  { name: "none", driver: "none", options: {} },
];

/** Makes the networks that every engine has, where they are missing. */
export async function ensurePredefinedNetworks(context: EngineContext): Promise<void> {
  const names = new Set(context.store.networks.list().map((network) => network.spec.name));
  for (const each of predefined) {
    if (names.has(each.name)) continue;
    const spec: NetworkSpec = {
      ...each,
      internal: false,
      attachable: false,
      enableIpv4: true,
      enableIpv6: false,
      pools: [],
      labels: {},
    };
    await createNetwork(context, spec, never, true);
  }
}
