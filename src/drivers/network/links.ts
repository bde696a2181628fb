import { DuetError } from "../../kit/errors.ts";
import {
  attribute,
  attributesOf,
  flag,
  message,
  nest,
  number32,
  number8,
  text,
  textOf,
} from "../../kit/netlink/message.ts";
import { NetlinkSocket, protocol, type Refusal } from "../../kit/netlink/socket.ts";
import { errnoName } from "../../kit/syscalls.ts";
import { addressOfBytes, bytesOfAddress, subnetOf, type Address, type Subnet } from "./address.ts";

const newLink = 16;
const deleteLink = 17;
const getLink = 18;
const setLink = 19;
const newAddress = 20;
const getAddress = 22;
const getRoute = 26;

const up = 1;
const inet6 = 10;
const bridgeFamily = 7;
const attributeOf = {
  address: 1,
  name: 3,
  mtu: 4,
  master: 10,
  protocolInfo: 12,
  linkInfo: 18,
  namespacePid: 19,
  alias: 20,
  statistics: 23,
  familySpec: 26,
} as const;

/** A network device of the host. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Index of the bridge that it is a port of, or 0. */
  readonly master: number;
  /** The owner tag that Duet writes on its devices, or what somebody else wrote. */
  readonly alias: string;
  readonly kind: string;
  readonly up: boolean;
  /** `rtnl_link_stats64`. */
  readonly statistics: Buffer | undefined;
}

/** An address of a host device, with the subnet that it makes directly reachable. */
export interface HostAddress {
  readonly index: number;
  readonly address: Address;
  readonly subnet: Subnet;
}

export interface HostRoute {
  readonly index: number;
  readonly subnet: Subnet;
}

function linkBody(index: number, flags = 0, change = 0, family = 0): Buffer {
  const body = Buffer.alloc(16);
  body.writeUInt8(family, 0);
  body.writeInt32LE(index, 4);
  body.writeUInt32LE(flags, 8);
  body.writeUInt32LE(change, 12);
  return body;
}

/** Makes and removes devices of the host through rtnetlink(7), each in well under a millisecond. */
export class Links {
  private readonly socket = new NetlinkSocket(protocol.route);

  list(): Link[] {
    return this.socket
      .dump(message(getLink, flag.dump, linkBody(0)))
      .map((one) => linkOf(one.body));
  }

  /** The device of that name, or undefined. */
  find(name: string): Link | undefined {
    const request = message(getLink, 0, linkBody(0), text(attributeOf.name, name));
    try {
      const [answer] = this.socket.dump(request);
      return answer === undefined ? undefined : linkOf(answer.body);
    } catch (error) {
      if (error instanceof DuetError && error.code === "ENODEV") return undefined;
      throw error;
    }
  }

  addresses(): HostAddress[] {
    const body = Buffer.alloc(8);
    return this.socket.dump(message(getAddress, flag.dump, body)).flatMap((one) => {
      const found = attributesOf(one.body.subarray(8));
      const bytes = found.get(2) ?? found.get(1);
      if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) return [];
      const address = addressOfBytes(bytes);
      const subnet = subnetOf(address, one.body.readUInt8(1));
      return [{ index: one.body.readUInt32LE(4), address, subnet }];
    });
  }

  /** Unicast routes with a destination, in whatever table: not the default route. */
  routes(): HostRoute[] {
    const body = Buffer.alloc(12);
    return this.socket.dump(message(getRoute, flag.dump, body)).flatMap((one) => {
      const prefix = one.body.readUInt8(1);
      const found = attributesOf(one.body.subarray(12));
      const bytes = found.get(1);
      const isUnicast = one.body.readUInt8(7) === 1;
      if (!isUnicast || prefix === 0 || bytes === undefined) return [];
      if (bytes.length !== 4 && bytes.length !== 16) return [];
      const index = found.get(4)?.readUInt32LE(0) ?? 0;
      return [{ index, subnet: subnetOf(addressOfBytes(bytes), prefix) }];
    });
  }

  /**
   * Makes a bridge, still down, with its owner tag in the same call, so that no crash leaves one
   * without; gives its index. No error when one with that tag is there; `conflict` DEVICE_IN_USE when
   * the name is somebody else's.
   */
  makeBridge(name: string, mac: Uint8Array, alias: string): number {
    const known = this.find(name);
    if (known !== undefined) {
      if (known.kind === "bridge" && known.alias === alias) return known.index;
      throw new DuetError(
        "conflict",
        "DEVICE_IN_USE",
        `cannot make the bridge ${name}: a device of that name belongs to somebody else`,
        { hint: "remove that device, or give the network another bridge name" },
      );
    }
    const create = message(
      newLink,
      flag.acknowledge | flag.create | flag.exclusive,
      linkBody(0),
      text(attributeOf.name, name),
      attribute(attributeOf.address, mac),
      nest(attributeOf.linkInfo, text(1, "bridge")),
    );
    const tag = message(
      setLink,
      flag.acknowledge,
      linkBody(0),
      text(attributeOf.name, name),
      attribute(attributeOf.alias, Buffer.from(alias, "utf8")),
    );
    this.change(`make the bridge ${name}`, [create, tag]);
    return this.indexOf(name);
  }

  /** Sets the MTU and brings the device up. */
  configure(index: number, mtu: number): void {
    const parts = [linkBody(index, up, up), number32(attributeOf.mtu, mtu)];
    this.change(`set up device ${index}`, [message(setLink, flag.acknowledge, ...parts)]);
  }

  /** Adds an address with its prefix to a device, without duplicate detection. No error when it is there. */
  addAddress(index: number, address: Address, prefix: number): void {
    const body = Buffer.alloc(8);
    body.writeUInt8(address.family === 4 ? 2 : inet6, 0);
    body.writeUInt8(prefix, 1);
    body.writeUInt8(2, 2);
    body.writeUInt32LE(index, 4);
    const bytes = bytesOfAddress(address);
    const request = message(
      newAddress,
      flag.acknowledge | flag.create | flag.replace,
      body,
      attribute(1, bytes),
      attribute(2, bytes),
    );
    this.change(`give device ${index} its address`, [request]);
  }

  /**
   * Makes a veth pair: `name` here as an up port of the bridge, `peer` with `mac` in the network
   * namespace of process `pid`. Off the main thread: the kernel makes one at a time, and each takes a while.
   */
  async makeVeth(options: {
    readonly name: string;
    readonly peer: string;
    readonly mac: Uint8Array;
    readonly mtu: number;
    readonly pid: number;
    readonly bridge: number;
    readonly alias: string;
  }): Promise<void> {
    const peer = nest(
      1,
      linkBody(0),
      text(attributeOf.name, options.peer),
      attribute(attributeOf.address, options.mac),
      number32(attributeOf.mtu, options.mtu),
      number32(attributeOf.namespacePid, options.pid),
    );
    const make = message(
      newLink,
      flag.acknowledge | flag.create | flag.exclusive,
      linkBody(0),
      text(attributeOf.name, options.name),
      number32(attributeOf.mtu, options.mtu),
      nest(attributeOf.linkInfo, text(1, "veth"), nest(2, peer)),
    );
    const enslave = this.portMessage(options.name, options.bridge, options.alias);
    const [refusal] = await aside([make, enslave]);
    if (refusal !== undefined) throw refused(`make the link ${options.name}`, refusal);
  }

  /** Makes an existing device an up port of a bridge, without IPv6 address of its own. */
  enslave(name: string, bridge: number, alias: string): void {
    this.change(`join ${name} to its bridge`, [this.portMessage(name, bridge, alias)]);
  }

  private portMessage(name: string, bridge: number, alias: string): Buffer {
    const noAddress = nest(attributeOf.familySpec, nest(inet6, number8(8, 1)));
    return message(
      setLink,
      flag.acknowledge,
      linkBody(0, up, up),
      text(attributeOf.name, name),
      number32(attributeOf.master, bridge),
      attribute(attributeOf.alias, Buffer.from(alias, "utf8")),
      noAddress,
    );
  }

  /** `isolated` ports reach the host alone; `hairpin` sends frames back out of the port that they came from. */
  setPort(index: number, flags: { readonly isolated?: boolean; readonly hairpin?: boolean }): void {
    const attributes = [
      ...(flags.hairpin === undefined ? [] : [number8(4, flags.hairpin ? 1 : 0)]),
      ...(flags.isolated === undefined ? [] : [number8(33, flags.isolated ? 1 : 0)]),
    ];
    const body = linkBody(index, 0, 0, bridgeFamily);
    const info = nest(attributeOf.protocolInfo, ...attributes);
    this.change(`set bridge port ${index}`, [message(setLink, flag.acknowledge, body, info)]);
  }

  /** Takes a device that is not ours out of its bridge; no error when it is gone. */
  release(name: string): void {
    const body = linkBody(0, 0, up);
    const parts = [body, text(attributeOf.name, name), number32(attributeOf.master, 0)];
    const [refusal] = this.socket.request([message(setLink, flag.acknowledge, ...parts)]);
    if (refusal === undefined || errnoName(refusal.errno) === "ENODEV") return;
    throw refused(`take ${name} out of its bridge`, refusal);
  }

  /** Removes a device; gives false when there is none. Off the main thread: the kernel takes its time. */
  async remove(name: string): Promise<boolean> {
    const request = message(
      deleteLink,
      flag.acknowledge,
      linkBody(0),
      text(attributeOf.name, name),
    );
    const [refusal] = await aside([request]);
    if (refusal === undefined) return true;
    if (errnoName(refusal.errno) === "ENODEV") return false;
    throw refused(`remove the device ${name}`, refusal);
  }

  indexOf(name: string): number {
    const link = this.find(name);
    if (link !== undefined) return link.index;
    throw new DuetError("not-found", "DEVICE_GONE", `the network device ${name} is gone`);
  }

  private change(what: string, messages: readonly Buffer[]): void {
    const [refusal] = this.socket.request(messages);
    if (refusal !== undefined) throw refused(what, refusal);
  }

  close(): void {
    this.socket.close();
  }
}

async function aside(messages: readonly Buffer[]): Promise<Refusal[]> {
  const socket = new NetlinkSocket(protocol.route);
  try {
    return await socket.requestAside(messages);
  } finally {
    socket.close();
  }
}

function refused(what: string, refusal: Refusal): DuetError {
  const name = errnoName(refusal.errno);
  return new DuetError("internal", name, `cannot ${what}: the kernel answered ${name}`);
}

function linkOf(body: Buffer): Link {
  const found = attributesOf(body.subarray(16));
  const info = found.get(attributeOf.linkInfo);
  return {
    index: body.readInt32LE(4),
    name: textOf(found.get(attributeOf.name)),
    master: found.get(attributeOf.master)?.readUInt32LE(0) ?? 0,
    alias: textOf(found.get(attributeOf.alias)),
    kind: info === undefined ? "" : textOf(attributesOf(info).get(1)),
    up: (body.readUInt32LE(8) & up) !== 0,
    statistics: found.get(attributeOf.statistics),
  };
}
