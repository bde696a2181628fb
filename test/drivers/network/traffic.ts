import { createSocket } from "node:dgram";
import { createConnection, createServer } from "node:net";

/** What was sent to the UDP servers of this thread. */
export const received: string[] = [];
const servers: { close(): unknown }[] = [];

export function stopServing(): void {
  for (const server of servers.splice(0)) server.close();
}

/** Answers each connection with the address that it comes from. */
export function serveTcp(number: number, host: string): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    socket.end(socket.remoteAddress ?? "");
  });
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(number, host, () => resolve());
  });
}

export function serveUdp(number: number, host: string): Promise<void> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  servers.push(socket);
  socket.on("message", (message, from) => {
    received.push(message.toString("latin1"));
    socket.send(from.address, from.port, from.address, () => undefined);
  });
  return new Promise((resolve) => {
    socket.bind(number, host, () => resolve());
  });
}

/** Milliseconds to wait for an answer, and what to say first. */
interface Asking {
  readonly patience?: number;
  readonly data?: string;
  /** Port to send from. */
  readonly from?: number;
}

const defaultPatience = 60_000;

/** What the server said, or `refused`, `timeout`, or another error's code. */
export function askTcp(host: string, number: number, asking: Asking = {}): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { patience = defaultPatience, data } = asking;
  const socket = createConnection({ host, port: number, timeout: patience });
  const answer: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => answer.push(chunk));
  socket.on("end", () => resolve(Buffer.concat(answer).toString("latin1")));
  socket.on("timeout", () => resolve("timeout"));
  socket.on("error", (error: NodeJS.ErrnoException) =>
    resolve(error.code === "ECONNREFUSED" ? "refused" : (error.code ?? "error")),
  );
  if (data !== undefined) socket.end(Buffer.from(data, "latin1"));
  return promise.finally(() => socket.destroy());
}

export function askUdp(host: string, number: number, asking: Asking = {}): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { patience = defaultPatience, data = "hello", from = 0 } = asking;
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const deadline = AbortSignal.timeout(patience);
  deadline.addEventListener("abort", () => resolve("timeout"), { once: true });
  socket.on("message", (message) => resolve(message.toString("latin1")));
  socket.on("error", (error: NodeJS.ErrnoException) =>
    resolve(error.code === "ECONNREFUSED" ? "refused" : "error"),
  );
  socket.bind(from, () =>
    socket.connect(number, host, () => socket.send(Buffer.from(data, "latin1"))),
  );
  return promise.finally(() => socket.close());
}
