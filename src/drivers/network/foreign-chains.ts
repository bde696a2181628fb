import {
  attribute,
  attributesOf,
  flag,
  listAttributes,
  message,
  text,
  textOf,
} from "../../kit/netlink/message.ts";
import type { NetlinkSocket } from "../../kit/netlink/socket.ts";

const getChain = (10 << 8) | 4;
const getRule = (10 << 8) | 7;
const verdictDrop = 0;
const hooks: Readonly<Record<number, "input" | "forward">> = { 1: "input", 2: "forward" };
const families: Readonly<Record<number, "inet" | "ip" | "ip6">> = { 1: "inet", 2: "ip", 10: "ip6" };

/** A base chain of somebody else's that sees packets on their way to a workload or to the host. */
export interface ForeignChain {
  readonly family: "inet" | "ip" | "ip6";
  readonly table: string;
  readonly name: string;
  readonly hook: "input" | "forward";
  /** Whether it drops or rejects, by policy or by a rule without condition, what it does not know. */
  readonly drops: boolean;
}

/** Reads the kernel's chains over nfnetlink; `ownTable` is left out. */
export function listForeignChains(socket: NetlinkSocket, ownTable: string): ForeignChain[] {
  return socket.dump(message(getChain, flag.dump, Buffer.alloc(4))).flatMap((one) => {
    const number = one.body[0] ?? 0;
    const family = families[number];
    const found = attributesOf(one.body.subarray(4));
    const point = found.get(4);
    const table = textOf(found.get(1));
    const name = textOf(found.get(3));
    if (family === undefined || point === undefined || table === ownTable) return [];
    // A name that nft could take for something else is not ours to handle.
    if (!/^[\w./-]+$/.test(table + name)) return [];
    const hook = hooks[attributesOf(point).get(1)?.readUInt32BE(0) ?? 0];
    if (hook === undefined || textOf(found.get(7)) !== "filter") return [];
    const byPolicy = found.get(5)?.readUInt32BE(0) === verdictDrop;
    return [
      { family, table, name, hook, drops: byPolicy || hasBarrier(socket, number, table, name) },
    ];
  });
}

function hasBarrier(socket: NetlinkSocket, family: number, table: string, chain: string): boolean {
  const header = Buffer.of(family, 0, 0, 0);
  const request = message(getRule, flag.dump, header, text(1, table), text(2, chain));
  return socket.dump(request).some((rule) => {
    const found = attributesOf(rule.body.subarray(4));
    const isHere = textOf(found.get(1)) === table && textOf(found.get(2)) === chain;
    return isHere && isBarrier(found.get(4) ?? Buffer.alloc(0));
  });
}

/** Whether a rule's expressions are an end without condition: nothing that compares or looks up. */
function isBarrier(expressions: Buffer): boolean {
  const parts = listAttributes(expressions).map((one) => {
    const found = attributesOf(one.value);
    return { name: textOf(found.get(1)), data: found.get(2) ?? attribute(0, Buffer.alloc(0)) };
  });
  const harmless = new Set(["counter", "log", "immediate", "reject", "target"]);
  if (!parts.every((part) => harmless.has(part.name))) return false;
  return parts.some(({ name, data }) => {
    if (name === "reject") return true;
    const found = attributesOf(data);
    if (name === "target") return ["REJECT", "DROP"].includes(textOf(found.get(1)));
    const value = name === "immediate" ? found.get(2) : undefined;
    const verdict = value === undefined ? undefined : attributesOf(value).get(2);
    return verdict !== undefined && attributesOf(verdict).get(1)?.readInt32BE(0) === verdictDrop;
  });
}
