import type { PortSummary } from "../../client/api-types.ts";

/** Ports as `docker ps` shows them: `0.0.0.0:8080->80/tcp, 443/tcp`, consecutive ones as ranges. */
export function portsText(ports: readonly PortSummary[]): string {
  const sorted = ports.toSorted(
    (left, right) =>
      left.Type.localeCompare(right.Type) ||
      (left.IP ?? "").localeCompare(right.IP ?? "") ||
      left.PrivatePort - right.PrivatePort,
  );
  const groups: PortSummary[][] = [];
  for (const port of sorted) {
    const last = groups.at(-1)?.at(-1);
    if (last !== undefined && follows(last, port)) groups.at(-1)!.push(port);
    else groups.push([port]);
  }
  return groups.map(groupText).join(", ");
}

function follows(last: PortSummary, next: PortSummary): boolean {
  const same =
    last.Type === next.Type && last.IP === next.IP && last.PrivatePort + 1 === next.PrivatePort;
  if (last.PublicPort === undefined || next.PublicPort === undefined)
    return same && last.PublicPort === next.PublicPort;
  return same && last.PublicPort + 1 === next.PublicPort;
}

function groupText(group: readonly PortSummary[]): string {
  const first = group[0]!;
  const last = group.at(-1)!;
  const range = (from: number, to: number): string =>
    from === to ? String(from) : `${from}-${to}`;
  const inside = `${range(first.PrivatePort, last.PrivatePort)}/${first.Type}`;
  if (first.PublicPort === undefined) return inside;
  const address = first.IP?.includes(":") === true ? `[${first.IP}]` : (first.IP ?? "");
  return `${address === "" ? "" : `${address}:`}${range(first.PublicPort, last.PublicPort!)}->${inside}`;
}
