import { isIP } from "node:net";
import type { PortBinding } from "../../../../domain/network.ts";
import type { PortMap } from "../../../../spec/docker/container.ts";
import { invalid } from "../../failures.ts";

type Protocol = PortBinding["protocol"];

/** Ports named by one key such as `80/tcp` or `8000-8010/udp`, at most all 65,535. */
export function parsePorts(key: string): {
  readonly protocol: Protocol;
  readonly first: number;
  readonly last: number;
} {
  const [range = "", protocol = "tcp", more] = key.split("/");
  const lower = protocol.toLowerCase() || "tcp";
  if (more !== undefined || (lower !== "tcp" && lower !== "udp" && lower !== "sctp")) {
    throw invalid(`invalid port specification: ${JSON.stringify(key.slice(0, 40))}`);
  }
  const { first, last } = parseRange(range, range);
  return { protocol: lower, first, last };
}

function parseRange(text: string, shown: string): { first: number; last: number } {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first < 1 || last > 65_535 || first > last) {
    throw invalid(`invalid port specification: ${JSON.stringify(shown.slice(0, 40))}`);
  }
  return { first, last };
}

/** More ports than one address has would only be a way to fill memory. */
const maximumPorts = 65_536;

function refuseFlood(count: number): void {
  if (count > maximumPorts) throw invalid(`over ${maximumPorts} ports in one request`);
}

export function bindingsOf(ports: PortMap): PortBinding[] {
  let count = 0;
  for (const [key, bindings] of Object.entries(ports)) {
    const { first, last } = parsePorts(key);
    count += (last - first + 1) * (bindings?.length ?? 0);
  }
  refuseFlood(count);
  return Object.entries(ports).flatMap(([key, bindings]) => {
    const { protocol, first, last } = parsePorts(key);
    return (bindings ?? []).flatMap((binding) => {
      const hostAddress = checkAddress(binding.HostIp ?? "");
      const host = hostRange(binding.HostPort ?? "");
      const width = last - first;
      return Array.from({ length: width + 1 }, (_, offset): PortBinding => {
        const isPaired = host.first > 0 && width > 0 && host.last - host.first === width;
        return {
          protocol,
          containerPort: first + offset,
          hostAddress,
          hostPort: isPaired ? host.first + offset : host.first,
          hostPortEnd: isPaired ? host.first + offset : host.last,
        };
      });
    });
  });
}

function hostRange(text: string): { first: number; last: number } {
  if (text === "" || text === "0") return { first: 0, last: 0 };
  return parseRange(text, text);
}

function checkAddress(text: string): string {
  const plain = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  if (plain === "" || isIP(plain) !== 0) return plain;
  throw invalid(`invalid IP address: ${text.slice(0, 60)}`);
}

/** Every port that the request names, as `80/tcp`. */
export function exposedPortsOf(keys: readonly string[]): string[] {
  const ranges = [...new Set(keys)].map(parsePorts);
  refuseFlood(ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0));
  const all = ranges.flatMap(({ protocol, first, last }) => {
    return Array.from({ length: last - first + 1 }, (_, offset) => `${first + offset}/${protocol}`);
  });
  return [...new Set(all)];
}
