import { parseGoBoolean } from "../../kit/go-boolean.ts";
import type { NetworkRecord, NetworkSpec } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import { parseAddress } from "./address.ts";

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

/** Reads the options; throws `invalid` NETWORK_OPTION, in Docker's words where these are its options. */
export function bridgeOptions(spec: NetworkSpec): BridgeOptions {
  const read = (key: string, fallback: string): string => spec.options[key] ?? fallback;
  refuseOthers(spec);
  return {
    name: bridgeName(read(`${prefix}bridge.name`, "")),
    mtu: mtuOf(read(`${prefix}driver.mtu`, "")),
    interContainer: truth(`${prefix}bridge.enable_icc`, read(`${prefix}bridge.enable_icc`, "true")),
    masquerade: truth(
      `${prefix}bridge.enable_ip_masquerade`,
      read(`${prefix}bridge.enable_ip_masquerade`, "true"),
    ),
    hostBinding: hostBinding(read(`${prefix}bridge.host_binding_ipv4`, "")),
    hostAccess: truth("duet.host-access", read("duet.host-access", "false")),
  };
}

/** Docker's options that Duet would have to leave undone: each with the value that changes nothing. */
const onlyValues: Readonly<Record<string, readonly string[]>> = {
  [`${prefix}bridge.inhibit_ipv4`]: ["false", "0", ""],
  [`${prefix}bridge.gateway_mode_ipv4`]: ["nat", ""],
  [`${prefix}bridge.gateway_mode_ipv6`]: ["nat", ""],
  [`${prefix}container_iface_prefix`]: ["eth", ""],
};

function refuseOthers(spec: NetworkSpec): void {
  for (const [key, values] of Object.entries(onlyValues)) {
    const value = spec.options[key];
    if (value === undefined || values.includes(value)) continue;
    throw new DuetError(
      "unsupported",
      "NETWORK_OPTION",
      `the network option ${key}=${value.slice(0, 80)} is not supported`,
    );
  }
}

function optionInvalid(key: string, value: string, why: string): DuetError {
  const shown = value.slice(0, 80);
  return new DuetError(
    "invalid",
    "NETWORK_OPTION",
    `failed to parse ${key} value: ${shown} (${why})`,
  );
}

function bridgeName(value: string): string {
  if (value === "" || /^[a-zA-Z0-9][a-zA-Z0-9_-]{0,14}$/.test(value)) return value;
  const why = "use at most 15 letters, digits, dashes and underscores";
  throw optionInvalid(`${prefix}bridge.name`, value, why);
}

function mtuOf(value: string): number {
  if (value === "" || value === "0") return 1500;
  if (!/^[+-]?\d{1,9}$/.test(value)) {
    const why = `strconv.Atoi: parsing ${JSON.stringify(value.slice(0, 80))}: invalid syntax`;
    throw optionInvalid(`${prefix}driver.mtu`, value, why);
  }
  const mtu = Number(value);
  if (mtu >= smallestMtu && mtu <= largestMtu) return mtu;
  throw new DuetError("invalid", "NETWORK_OPTION", `invalid MTU number: ${mtu}`);
}

function hostBinding(value: string): string {
  // What stands on the default network means no address in particular: IPv6 is published too.
  if (value === "" || value === "0.0.0.0") return "";
  if (parseAddress(value) !== undefined) return value;
  throw optionInvalid(`${prefix}bridge.host_binding_ipv4`, value, "nil ip");
}

function truth(key: string, value: string): boolean {
  const known = parseGoBoolean(value);
  if (known !== undefined) return known;
  const why = `strconv.ParseBool: parsing ${JSON.stringify(value.slice(0, 80))}: invalid syntax`;
  throw optionInvalid(key, value, why);
}

/** Whether it is the engine's own default network, on which Docker resolves no names. */
export function isDefaultBridge(network: NetworkRecord): boolean {
  return network.predefined && network.spec.driver === "bridge";
}
