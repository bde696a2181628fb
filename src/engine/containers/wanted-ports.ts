import type { ContainerRecord } from "../../domain/container.ts";
import type { PortBinding } from "../../domain/network.ts";

/** The ports to publish: of those that are exposed the ones that the user named, and with `--publish-all` all others. */
export function wantedPorts(record: ContainerRecord): readonly PortBinding[] {
  const { publishAll } = record.spec.network;
  const exposed = new Set(record.resolved.exposedPorts);
  const ports = record.spec.network.ports.filter((port) =>
    exposed.has(`${port.containerPort}/${port.protocol}`),
  );
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
