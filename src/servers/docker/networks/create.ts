import type { AddressPool, NetworkSpec } from "../../../domain/network.ts";
import type { NetworkCreateAnswer } from "../../../spec/docker/network.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, unsupported } from "../failures.ts";
import { Fields } from "../fields.ts";

/** `POST /networks/create`. */
export async function createNetwork(exchange: Exchange): Promise<void> {
  const spec = readNetwork(Fields.of((await exchange.json()) ?? {}, ""));
  const { id, warning } = await exchange.engine.networks.create(spec, exchange.signal);
  const answer: NetworkCreateAnswer = { Id: id, Warning: warning };
  exchange.answer(201, answer);
}

export function readNetwork(fields: Fields): NetworkSpec {
  const name = fields.text("Name") ?? "";
  if (name === "") throw invalid("network name cannot be empty");
  refuseSwarmWords(fields);
  const driver = fields.text("Driver") || "bridge";
  return {
    name,
    driver: driver === "null" ? "none" : driver,
    internal: fields.flag("Internal") ?? false,
    attachable: fields.flag("Attachable") ?? false,
    enableIpv4: fields.flag("EnableIPv4") ?? true,
    enableIpv6: fields.flag("EnableIPv6") ?? false,
    pools: fields.object("IPAM", readIpam) ?? [],
    options: fields.textMap("Options") ?? {},
    labels: fields.textMap("Labels") ?? {},
  };
}

function refuseSwarmWords(fields: Fields): void {
  const isConfigured =
    fields.flag("ConfigOnly") === true ||
    (fields.object("ConfigFrom", (from) => from.text("Network")) ?? "") !== "";
  if (isConfigured) throw unsupported("configuration-only networks are not supported");
  const scope = fields.text("Scope") ?? "";
  if (fields.flag("Ingress") === true || (scope !== "" && scope !== "local")) {
    throw unsupported("networks of a swarm are not supported", "make a bridge network");
  }
}

function readIpam(fields: Fields): AddressPool[] {
  const driver = fields.text("Driver") || "default";
  if (driver !== "default") throw unsupported(`the address driver ${driver} is not supported`);
  if (Object.keys(fields.textMap("Options") ?? {}).length > 0) {
    throw unsupported("options of the address driver are not supported");
  }
  const pools = fields.objects("Config", (pool) => ({
    subnet: pool.text("Subnet") ?? "",
    range: pool.text("IPRange") ?? "",
    gateway: pool.text("Gateway") ?? "",
    auxiliary: pool.textMap("AuxiliaryAddresses") ?? {},
  }));
  return pools ?? [];
}
