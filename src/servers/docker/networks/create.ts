import type { AddressPool, NetworkSpec } from "../../../domain/network.ts";
import { networkCreateBody } from "../../../spec/docker/bodies.ts";
import type {
  IpamBody,
  NetworkCreateAnswer,
  NetworkCreateBody,
} from "../../../spec/docker/network.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, unsupported } from "../failures.ts";

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
  const driver = body.Driver || "bridge";
  return {
    name,
    driver: driver === "null" ? "none" : driver,
    internal: body.Internal ?? false,
    attachable: body.Attachable ?? false,
    enableIpv4: body.EnableIPv4 ?? true,
    enableIpv6: body.EnableIPv6 ?? false,
    pools: poolsOf(body.IPAM ?? {}),
    options: body.Options ?? {},
    labels: body.Labels ?? {},
  };
}

function refuseSwarmWords(body: NetworkCreateBody): void {
  const isConfigured = body.ConfigOnly === true || (body.ConfigFrom?.Network ?? "") !== "";
  if (isConfigured) throw unsupported("configuration-only networks are not supported");
  const scope = body.Scope ?? "";
  if (body.Ingress === true || (scope !== "" && scope !== "local")) {
    throw unsupported("networks of a swarm are not supported", "make a bridge network");
  }
}

function poolsOf(ipam: IpamBody): AddressPool[] {
  const driver = ipam.Driver || "default";
  if (driver !== "default") throw unsupported(`the address driver ${driver} is not supported`);
  if (Object.keys(ipam.Options ?? {}).length > 0) {
    throw unsupported("options of the address driver are not supported");
  }
  return (ipam.Config ?? []).map((pool) => ({
    subnet: pool.Subnet ?? "",
    range: pool.IPRange ?? "",
    gateway: pool.Gateway ?? "",
    auxiliary: pool.AuxiliaryAddresses ?? {},
  }));
}
