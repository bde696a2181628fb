import type { NetworkRecord, NetworkSpec } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";

/** What Docker's driver options of a bridge network say, with Docker's names and defaults. */
export interface BridgeOptions {
  /** "" lets the driver choose. */
  readonly name: string;
  readonly mtu: number;
  /** Whether endpoints of the network reach each other. */
  readonly interContainer: boolean;
  readonly masquerade: boolean;
  /** Where ports are published that name no address; "" is everywhere. */
  readonly hostBinding: string;
  /** Whether workloads may reach services of the host; Duet's own option, off by default. */
  readonly hostAccess: boolean;
}

const prefix = "com.docker.network.";
const smallestMtu = 68;
const largestMtu = 65_535;

/** Reads the options; throws `invalid` NETWORK_OPTION. */
export function bridgeOptions(spec: NetworkSpec): BridgeOptions {
  const read = (key: string, fallback: string): string => spec.options[key] ?? fallback;
  return {
    name: bridgeName(read(`${prefix}bridge.name`, "")),
    mtu: mtuOf(read(`${prefix}driver.mtu`, "")),
    interContainer: truth(`${prefix}bridge.enable_icc`, read(`${prefix}bridge.enable_icc`, "true")),
    masquerade: truth(
      `${prefix}bridge.enable_ip_masquerade`,
      read(`${prefix}bridge.enable_ip_masquerade`, "true"),
    ),
    hostBinding: read(`${prefix}bridge.host_binding_ipv4`, ""),
    hostAccess: truth("duet.host-access", read("duet.host-access", "false")),
  };
}

function optionInvalid(key: string, value: string, hint: string): DuetError {
  const shown = JSON.stringify(value.slice(0, 80));
  return new DuetError(
    "invalid",
    "NETWORK_OPTION",
    `invalid value ${shown} for the network option ${key}`,
    { hint },
  );
}

function bridgeName(value: string): string {
  if (value === "" || /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,14}$/.test(value)) return value;
  throw optionInvalid(
    `${prefix}bridge.name`,
    value,
    "use at most 15 letters, digits, dashes and underscores",
  );
}

function mtuOf(value: string): number {
  if (value === "" || value === "0") return 1500;
  const mtu = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (mtu >= smallestMtu && mtu <= largestMtu) return mtu;
  throw optionInvalid(
    `${prefix}driver.mtu`,
    value,
    `use a number from ${smallestMtu} to ${largestMtu}`,
  );
}

/** The words that Go's strconv.ParseBool takes, as Docker does. */
function truth(key: string, value: string): boolean {
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  throw optionInvalid(key, value, "use true or false");
}

/** Whether it is the engine's own default network, on which Docker resolves no names. */
export function isDefaultBridge(network: NetworkRecord): boolean {
  return network.predefined && network.spec.driver === "bridge";
}
