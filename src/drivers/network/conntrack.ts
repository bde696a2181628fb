import { attribute, attributesOf, flag, message, nest } from "../../kit/netlink/message.ts";
import { NetlinkSocket, protocol } from "../../kit/netlink/socket.ts";

const subsystem = 1 << 8;
const get = 1;
const remove = 2;
const tupleOriginal = 1;
const identifier = 12;
const udp = 17;

/**
 * Makes the kernel forget UDP conversations with these ports of the host: it looks at the rules for
 * a conversation's first packet only, and would go on as it did before a port was published or
 * given up (ctnetlink).
 */
export function forgetFlows(ports: ReadonlySet<number>): void {
  const socket = new NetlinkSocket(protocol.netfilter);
  try {
    const doomed: Buffer[] = [];
    for (const family of [2, 10]) {
      const header = Buffer.of(family, 0, 0, 0);
      for (const flow of socket.dump(message(subsystem | get, flag.dump, header))) {
        const found = attributesOf(flow.body.subarray(4));
        const tuple = found.get(tupleOriginal);
        if (tuple === undefined || !isFlowTo(tuple, ports)) continue;
        const id = found.get(identifier);
        const parts = [header, nest(tupleOriginal, tuple)];
        if (id !== undefined) parts.push(attribute(identifier, id));
        doomed.push(message(subsystem | remove, flag.acknowledge, ...parts));
      }
    }
    // One that ended by itself in between is refused, which is as good.
    for (const one of doomed) socket.request([one]);
  } finally {
    socket.close();
  }
}

function isFlowTo(tuple: Buffer, ports: ReadonlySet<number>): boolean {
  const transport = attributesOf(tuple).get(2);
  if (transport === undefined) return false;
  const fields = attributesOf(transport);
  const port = fields.get(3)?.readUInt16BE(0) ?? 0;
  return fields.get(1)?.[0] === udp && ports.has(port);
}
