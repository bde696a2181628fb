import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createConnection, createServer, type Socket } from "node:net";

const mostConnections = 4_096;
const mostSessions = 1_024;
/** As long as the kernel remembers a UDP conversation. */
const sessionMilliseconds = 120_000;

export interface Proxy {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves an IPv6 address of the host where the kernel cannot lead the way: `::1`, and every IPv6
 * address for a workload that has only IPv4. Lives as long as this process.
 */
export async function openTcpProxy(
  host: string,
  port: number,
  target: { readonly host: string; readonly port: number },
): Promise<Proxy> {
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const upstream = createConnection({ ...target, allowHalfOpen: true });
    for (const [socket, other] of [[client, upstream] as const, [upstream, client] as const]) {
      connections.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", (failed) => {
        connections.delete(socket);
        if (failed) other.destroy();
        else other.destroySoon();
      });
    }
    upstream.once("connect", () => {
      client.pipe(upstream);
      upstream.pipe(client);
      client.resume();
    });
  });
  server.maxConnections = mostConnections;
  server.listen({ host, port, ipv6Only: true, exclusive: true });
  await once(server, "listening");
  const address = server.address();
  return {
    port: address === null || typeof address === "string" ? port : address.port,
    close: async () => {
      for (const socket of connections) socket.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

export async function openUdpProxy(
  host: string,
  port: number,
  target: { readonly host: string; readonly port: number },
): Promise<Proxy> {
  const sessions = new Map<
    string,
    { readonly socket: UdpSocket; readonly timer: NodeJS.Timeout }
  >();
  const server = createSocket({ type: "udp6", ipv6Only: true });
  const end = (key: string): void => {
    const session = sessions.get(key);
    if (session === undefined) return;
    sessions.delete(key);
    clearTimeout(session.timer);
    session.socket.close();
  };
  const begin = (key: string, from: RemoteInfo): void => {
    const socket = createSocket(target.host.includes(":") ? "udp6" : "udp4");
    const timer = setTimeout(() => end(key), sessionMilliseconds).unref();
    sessions.set(key, { socket, timer });
    socket.on("message", (answer) => server.send(answer, from.port, from.address, () => undefined));
    socket.on("error", () => end(key));
  };
  server.on("message", (datagram, from) => {
    const key = `${from.address} ${from.port}`;
    if (!sessions.has(key)) {
      if (sessions.size >= mostSessions) end(sessions.keys().next().value ?? "");
      begin(key, from);
    }
    const session = sessions.get(key);
    session?.timer.refresh();
    session?.socket.send(datagram, target.port, target.host, () => undefined);
  });
  server.bind({ port, address: host, exclusive: true });
  await once(server, "listening");
  server.on("error", () => undefined);
  return {
    port: server.address().port,
    close: async () => {
      for (const key of sessions.keys()) end(key);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}
