import { InstructionFault, quoted } from "./dockerfile-error.ts";

const mostPorts = 65_536;

/** EXPOSE's `80`, `90-92/udp` as `port/protocol` each. Throws InstructionFault in Docker's words. */
export function exposedPorts(words: readonly string[]): readonly string[] {
  const ports = new Set<string>();
  for (const word of words) {
    for (const port of portsOf(word)) ports.add(port);
    if (ports.size > mostPorts * 3) throw new InstructionFault("too many ports");
  }
  return [...ports];
}

function portsOf(word: string): readonly string[] {
  const { hostPort, containerPort, address } = partsOf(word);
  const slash = containerPort.indexOf("/");
  const range = slash < 0 ? containerPort : containerPort.slice(0, slash);
  const protocol = (slash < 0 ? "" : containerPort.slice(slash + 1)).toLowerCase() || "tcp";
  if (range === "") throw new InstructionFault(`invalid port: ${quoted(word)}: no port specified`);
  if (!["tcp", "udp", "sctp"].includes(protocol)) {
    throw new InstructionFault(`invalid port: ${quoted(word)}: invalid proto: ${protocol}`);
  }
  if (address !== "" && !/^\[?[\da-fA-F:.]+\]?$/.test(address)) {
    throw new InstructionFault(`invalid IP address: ${address.slice(0, 40)}`);
  }
  const [first, last] = rangeOf(range, "containerPort");
  if (hostPort !== "") {
    const [hostFirst, hostLast] = rangeOf(hostPort, "hostPort");
    if (last - first !== hostLast - hostFirst && first !== last) {
      throw new InstructionFault(
        `invalid ranges specified for container and host Ports: ${range} and ${hostPort}`,
      );
    }
  }
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}/${protocol}`);
}

function partsOf(word: string): {
  readonly address: string;
  readonly hostPort: string;
  readonly containerPort: string;
} {
  const parts = word.split(":");
  const containerPort = parts.pop() ?? "";
  const hostPort = parts.pop() ?? "";
  return { address: parts.join(":"), hostPort, containerPort };
}

function rangeOf(text: string, what: string): readonly [number, number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match === null || first > 65_535 || last > 65_535 || last < first) {
    throw new InstructionFault(`invalid ${what}: ${text.slice(0, 40)}`);
  }
  return [first, last];
}
