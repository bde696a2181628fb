import { DuetError } from "../../../kit/errors.ts";
import type { AddressPool, NetworkSpec } from "../../../domain/network.ts";
import { networkCreateBody } from "../../../spec/docker/bodies.ts";
import type {
  IpamBody,
  NetworkCreateAnswer,
  NetworkCreateBody,
} from "../../../spec/docker/network.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, notFound, unsupported } from "../failures.ts";

/** `POST /networks/create`. */
export async function createNetwork(exchange: Exchange): Promise<void> {
  const spec = networkSpecOf(await exchange.read(networkCreateBody));
  const { id, warning } = await exchange.engine.networks.create(spec, exchange.signal);
  const answer: NetworkCreateAnswer = { Id: id, Warning: warning };
  exchange.answer(201, answer);
}

export function networkSpecOf(body: NetworkCreateBody): NetworkSpec {
  const name = body.Name ?? "";
  if (name === "") throw invalid("invalid name: name is empty");
  refuseSwarmWords(body);
  // A configuration has no driver, whatever is asked for.
  const isConfiguration = body.ConfigOnly === true;
  const driver = isConfiguration ? "none" : body.Driver || "bridge";
  refuseDriver(driver);
  const configFrom = body.ConfigFrom?.Network ?? "";
  const addressOptions = body.IPAM?.Options ?? undefined;
  return {
    name,
    driver: driver === "null" ? "none" : driver,
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    enableIpv4: body.EnableIPv4 ?? true,
    enableIpv6: body.EnableIPv6 ?? false,
    pools: poolsOf(body.IPAM ?? {}),
    ...(addressOptions === undefined ? {} : { addressOptions }),
    options: body.Options ?? {},
    labels: body.Labels ?? {},
    ...(isConfiguration ? { configOnly: true } : {}),
    ...(configFrom === "" ? {} : { configFrom }),
  };
}

/** Answers as those of a daemon outside a swarm. */
function refuseSwarmWords(body: NetworkCreateBody): void {
  if (body.Ingress === true) throw denied("Ingress network can only be global scope network");
  if (body.Scope === "swarm") {
    throw denied("cannot create a swarm scoped network when swarm is not active");
  }
}

function refuseDriver(driver: string): void {
  if (driver === "overlay") {
    throw denied(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
  if (["macvlan", "ipvlan"].includes(driver)) {
    throw unsupported(`the network driver ${driver} is not supported`, "use a bridge network");
  }
}

function denied(message: string): DuetError {
  return new DuetError("denied", "NOT_PERMITTED", message);
}

function poolsOf(ipam: IpamBody): AddressPool[] {
  const driver = ipam.Driver || "default";
  if (driver !== "default") {
    throw notFound("ADDRESS_DRIVER", `plugin ${JSON.stringify(driver.slice(0, 80))} not found`);
  }
  return (ipam.Config ?? []).map((pool) => ({
    subnet: pool.Subnet ?? "",
    range: pool.IPRange ?? "",
    gateway: pool.Gateway ?? "",
    auxiliary: pool.AuxiliaryAddresses ?? {},
  }));
}
