import type { ContainerRecord, ContainerSpec } from "../../domain/container.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { parseNetworkMode } from "./endpoints.ts";
import { findContainer } from "./find.ts";

interface ContainerLink {
  readonly target: ContainerRecord;
  readonly alias: string;
}

/** Links with their targets by id, `ID:ALIAS`, so that a rename does not part them. Throws `invalid` LINK_INVALID. */
export function resolveLinks(context: EngineContext, spec: ContainerSpec): ContainerSpec {
  const links = spec.network.links.map((text) => {
    const [reference, alias] = parseLink(text);
    let target: ContainerRecord;
    try {
      target = findContainer(context, reference);
    } catch (cause) {
      throw new DuetError(
        "invalid",
        "LINK_INVALID",
        `could not get container for ${reference}: No such container: ${reference}`,
        { cause },
      );
    }
    if (parseNetworkMode(target.spec.network.mode).kind === "host") {
      throw new DuetError(
        "invalid",
        "LINK_INVALID",
        "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
      );
    }
    return `${target.id}:${alias}`;
  });
  return { ...spec, network: { ...spec.network, links } };
}

/** `name`, `name:alias`, or as inspect gives it: `/name:/own/alias`. */
function parseLink(text: string): readonly [reference: string, alias: string] {
  const parts = text.split(":");
  const [name = "", alias = ""] = parts;
  const bad = (message: string): DuetError =>
    new DuetError("invalid", "LINK_INVALID", message, { http: 500 });
  if (text === "") throw bad("empty string specified for links");
  if (parts.length > 2 || name === "") throw bad(`bad format for links: ${text.slice(0, 200)}`);
  const plain = name.replace(/^\//, "");
  const own = alias.slice(alias.lastIndexOf("/") + 1) || plain;
  // It becomes part of a line of /etc/hosts and of the names of variables.
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}$/.test(own)) {
    throw bad(`bad format for links: ${text.slice(0, 200)}`);
  }
  return [plain, own];
}

/** Links as inspect shows them. */
export function shownLinks(context: EngineContext, record: ContainerRecord): readonly string[] {
  return record.spec.network.links.flatMap((link) => {
    const [id = "", alias = ""] = link.split(":");
    const target = context.store.containers.get(id);
    return target === undefined ? [] : [`/${target.name}:/${record.name}/${alias}`];
  });
}

/** Only the default bridge has these: elsewhere the DNS server knows the aliases. */
function linksOf(context: EngineContext, record: ContainerRecord): readonly ContainerLink[] {
  const mode = parseNetworkMode(record.spec.network.mode);
  if (mode.kind !== "networks" || mode.first !== "bridge") return [];
  return record.spec.network.links.flatMap((link) => {
    const [id = "", alias = ""] = link.split(":");
    const target = context.store.containers.get(id);
    return target === undefined ? [] : [{ target, alias }];
  });
}

/** Throws `conflict` LINK_NOT_RUNNING where a linked container does not run. */
export function checkLinks(context: EngineContext, record: ContainerRecord): void {
  for (const { target, alias } of linksOf(context, record)) {
    if (target.state === "running" || target.state === "paused") continue;
    throw new DuetError(
      "conflict",
      "LINK_NOT_RUNNING",
      `Cannot link to a non running container: /${target.name} AS /${record.name}/${alias}`,
      { http: 500 },
    );
  }
}

/** Lines of /etc/hosts: address, alias, the other's host name and its name where that is another. */
export function linkLines(context: EngineContext, record: ContainerRecord): readonly string[] {
  return linksOf(context, record).flatMap((link) => {
    const address = addressOf(link.target);
    return address === "" ? [] : [`${address}\t${namesOf(link)}`];
  });
}

function namesOf({ target, alias }: ContainerLink): string {
  return [alias, target.spec.hostname, ...(alias === target.name ? [] : [target.name])].join(" ");
}

function addressOf(target: ContainerRecord): string {
  return target.endpoints.find(({ networkName }) => networkName === "bridge")?.ipv4 ?? "";
}

/** Docker's variables of each link: its ports, name and environment (moby, daemon/links). */
export function linkVariables(context: EngineContext, record: ContainerRecord): readonly string[] {
  return linksOf(context, record).flatMap(({ target, alias }) => {
    const prefix = alias.toUpperCase().replaceAll("-", "_");
    const environment = target.resolved.env.flatMap((entry) => {
      const at = entry.indexOf("=");
      const name = entry.slice(0, at);
      const isTold = at > 0 && entry.length > at + 1 && name !== "HOME" && name !== "PATH";
      return isTold ? [`${prefix}_ENV_${entry}`] : [];
    });
    return [
      ...portVariables(prefix, addressOf(target), target.resolved.exposedPorts),
      `${prefix}_NAME=/${record.name}/${alias}`,
      ...environment,
    ];
  });
}

interface Port {
  readonly number: number;
  readonly protocol: string;
}

function portVariables(prefix: string, address: string, exposed: readonly string[]): string[] {
  const ports = exposed
    .map((text): Port => {
      const [number, protocol = "tcp"] = text.split("/");
      return { number: Number(number), protocol };
    })
    .toSorted(byProtocolAndNumber);
  const url = ({ number, protocol }: Port): string => `${protocol}://${address}:${number}`;
  const nameOf = ({ number, protocol }: Port): string =>
    `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
  const [first] = ports;
  return [
    ...(first === undefined ? [] : [`${prefix}_PORT=${url(first)}`]),
    ...ports.flatMap((port) => [
      `${nameOf(port)}=${url(port)}`,
      `${nameOf(port)}_ADDR=${address}`,
      `${nameOf(port)}_PORT=${port.number}`,
      `${nameOf(port)}_PROTO=${port.protocol}`,
    ]),
    ...ranges(ports).flatMap(([low, high]) => [
      `${nameOf(low)}_START=${url(low)}`,
      `${nameOf(low)}_PORT_START=${low.number}`,
      `${nameOf(low)}_END=${url(high)}`,
      `${nameOf(low)}_PORT_END=${high.number}`,
    ]),
  ];
}

function byProtocolAndNumber(one: Port, other: Port): number {
  if (one.protocol === other.protocol) return one.number - other.number;
  if (one.protocol === "tcp") return -1;
  return other.protocol === "tcp" ? 1 : one.protocol.localeCompare(other.protocol);
}

/** Runs of at least two ports one after the other. */
function ranges(ports: readonly Port[]): readonly (readonly [low: Port, high: Port])[] {
  const found: [Port, Port][] = [];
  for (const port of ports) {
    const last = found.at(-1);
    const continues =
      last !== undefined &&
      last[1].number + 1 === port.number &&
      last[1].protocol === port.protocol;
    if (continues) last[1] = port;
    else found.push([port, port]);
  }
  return found.filter(([low, high]) => low !== high);
}

/**
 * Running containers that link to this one learn that it is at its address now, or there no more.
 * `target` has the addresses that it is about.
 */
export async function tellLinking(
  context: EngineContext,
  target: ContainerRecord,
  isThere: boolean,
  signal: AbortSignal,
): Promise<void> {
  const address = addressOf(target);
  if (address === "") return;
  for (const record of context.store.containers.list()) {
    const own = record.spec.network.links.some((link) => link.startsWith(`${target.id}:`));
    const workload = own ? context.live.get(record.id) : undefined;
    if (workload === undefined) continue;
    const lines = linksOf(context, record)
      .filter((link) => link.target.id === target.id)
      .map((link) => `${address}\t${namesOf(link)}`);
    const change = isThere ? { remove: [], add: lines } : { remove: lines, add: [] };
    try {
      await workload.changeFile("/etc/hosts", change, signal);
    } catch (error) {
      // What it did to its own file is not to keep another one from starting.
      context.log.warn("names-not-told", { container: record.id, error });
    }
  }
}
