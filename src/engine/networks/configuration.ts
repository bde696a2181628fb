import type { NetworkRecord, NetworkSpec } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";

/**
 * A network as it is to be made: one that names a configuration network (`--config-from`) takes all from
 * that, and may say nothing itself, as in Docker.
 */
export function withConfiguration(context: EngineContext, spec: NetworkSpec): NetworkSpec {
  const { configFrom = "" } = spec;
  if (configFrom === "") return spec;
  if (spec.configOnly === true) {
    throw denied("a configuration network cannot depend on another configuration network");
  }
  const networks = context.store.networks.list().filter((one) => one.spec.configOnly === true);
  const from =
    networks.find((one) => one.spec.name === configFrom) ??
    networks.find((one) => one.id === configFrom);
  if (from === undefined) {
    const shown = JSON.stringify(configFrom.slice(0, 80));
    throw new DuetError(
      "not-found",
      "NETWORK_NOT_FOUND",
      `configuration network ${shown} does not exist`,
    );
  }
  const isPlain =
    spec.pools.length === 0 &&
    Object.keys({ ...spec.options, ...spec.labels }).length === 0 &&
    !spec.internal &&
    !spec.enableIpv6;
  if (!isPlain) {
    throw denied(
      "user specified configurations are not supported if the network depends on a configuration network",
    );
  }
  const { name, driver, attachable } = spec;
  const { configOnly: _, ...rest } = from.spec;
  return { ...rest, name, driver, attachable, configFrom: from.spec.name };
}

/** Throws `denied` NETWORK_IN_USE where networks were made from this configuration. */
export function refuseUsedConfiguration(context: EngineContext, network: NetworkRecord): void {
  const { name, configOnly } = network.spec;
  if (configOnly !== true) return;
  if (!context.store.networks.list().some(({ spec }) => spec.configFrom === name)) return;
  throw new DuetError(
    "denied",
    "NETWORK_IN_USE",
    `error while removing network: configuration network ${JSON.stringify(name)} is in use`,
  );
}

function denied(message: string): DuetError {
  return new DuetError("denied", "NETWORK_CONFIGURATION", message);
}
