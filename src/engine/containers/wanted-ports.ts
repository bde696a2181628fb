import type { ContainerRecord } from "../../domain/container.ts";
import type { PortBinding } from "../../domain/network.ts";

/** The ports to publish: those that the user named, and with `--publish-all` every other exposed one. */
export function wantedPorts(record: ContainerRecord): readonly PortBinding[] {
  const { ports, publishAll } = record.spec.network;
  if (!publishAll) return ports;
  const bound = new Set(ports.map((port) => `${port.containerPort}/${port.protocol}`));
  const rest = record.resolved.exposedPorts.filter((port) => !bound.has(port));
  return [
    ...ports,
    ...rest.flatMap((port) => {
      const match = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(port);
      if (match === null) return [];
      const protocol = match[2] as "tcp" | "udp" | "sctp";
      return [
        { protocol, containerPort: Number(match[1]), hostAddress: "", hostPort: 0, hostPortEnd: 0 },
      ];
    }),
  ];
}
