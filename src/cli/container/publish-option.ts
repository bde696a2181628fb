import type { PortBindingBody } from "../../client/api-types.ts";
import { usageError } from "../flags.ts";

export interface Published {
  readonly exposed: Record<string, object>;
  readonly bindings: Record<string, PortBindingBody[]>;
}

/**
 * `-p [[ip:]host[-end]:]container[-end][/protocol]`, the long form `target=80,published=8080,…`, and
 * `--expose`. Throws `invalid` for what is no port.
 */
export function publishedPorts(publish: readonly string[], expose: readonly string[]): Published {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, PortBindingBody[]> = {};
  for (const word of publish) {
    for (const { port, binding } of bindingsOf(word.includes("=") ? shortForm(word) : word, word)) {
      exposed[port] = {};
      (bindings[port] ??= []).push(binding);
    }
  }
  for (const word of expose) {
    const [range = "", protocol = "tcp"] = word.split("/", 2);
    for (const port of portsOf(range, word)) exposed[`${port}/${protocolOf(protocol, word)}`] = {};
  }
  return { exposed, bindings };
}

interface Binding {
  readonly port: string;
  readonly binding: PortBindingBody;
}

function bindingsOf(text: string, word: string): Binding[] {
  const slash = text.indexOf("/");
  const protocol = protocolOf(slash < 0 ? "tcp" : text.slice(slash + 1), word);
  const parts = splitAddress(slash < 0 ? text : text.slice(0, slash), word);
  const inside = portsOf(parts.inside, word);
  const outside = parts.outside === "" ? [] : portsOf(parts.outside, word);
  if (outside.length > 0 && outside.length !== inside.length && inside.length !== 1) {
    throw badPort(word, "the two ranges have different lengths");
  }
  return inside.map((port, index) => {
    const single = inside.length === 1 && outside.length > 1;
    const HostPort = single ? parts.outside : String(outside[index] ?? "");
    return { port: `${port}/${protocol}`, binding: { HostIp: parts.address, HostPort } };
  });
}

function splitAddress(
  text: string,
  word: string,
): { address: string; outside: string; inside: string } {
  const bracket = /^\[([0-9a-fA-F:.%]+)\]:(.*)$/.exec(text);
  const rest = bracket === null ? text : bracket[2]!;
  const parts = rest.split(":");
  const inside = parts.pop() ?? "";
  const outside = parts.pop() ?? "";
  const address = bracket === null ? parts.join(":") : bracket[1]!;
  if (bracket !== null && parts.length > 0) throw badPort(word, "it has too many parts");
  if (parts.length > 1) throw badPort(word, "write an IPv6 address in [brackets]");
  return { address, outside, inside };
}

const maximumRange = 65_535;

function portsOf(text: string, word: string): number[] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) throw badPort(word, `"${text}" is no port`);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (last < first || last > maximumRange) throw badPort(word, `"${text}" is no range of ports`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function protocolOf(text: string, word: string): string {
  const protocol = text.toLowerCase();
  if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") {
    throw badPort(word, `"${text}" is no protocol`);
  }
  return protocol;
}

/** `target=80,published=8080,protocol=tcp` in the short form. */
function shortForm(word: string): string {
  const fields = new Map(
    word.split(",").map((part) => part.split("=", 2) as [string, string | undefined]),
  );
  for (const name of fields.keys()) {
    if (!["target", "published", "protocol", "mode"].includes(name))
      throw badPort(word, `"${name}" is not known`);
  }
  const target = fields.get("target");
  if (target === undefined) throw badPort(word, "target= is missing");
  const published = fields.get("published");
  return `${published === undefined ? "" : `${published}:`}${target}/${fields.get("protocol") ?? "tcp"}`;
}

function badPort(word: string, why: string): Error {
  return usageError(
    "BAD_PORT",
    `cannot publish "${word}" · ${why}`,
    "write [[ip:]hostPort:]containerPort[/protocol]",
  );
}
