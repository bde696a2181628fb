import type { Server } from "node:http";
import type { Socket } from "node:net";
import { injectedUpgrade } from "./exchange.ts";
import { headTimeout, maximumHead } from "./limits.ts";

/**
 * Docker hijacks connections also for clients that did not ask to upgrade, and such a client may send
 * its first input together with the request. node:http would read those bytes as another request. So
 * the first request of a connection is looked at before node:http sees it: where it is one of those,
 * it gets an Upgrade header, and takes the same way as the others.
 */
export function installFront(server: Server): void {
  const [serve] = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const head: Buffer[] = [];
    let size = 0;
    const leave = (): void => {
      socket.destroy();
    };
    const onData = (chunk: Buffer): void => {
      head.push(chunk);
      size += chunk.length;
      const bytes = head.length === 1 ? chunk : Buffer.concat(head);
      const ready = size > maximumHead ? bytes : prepareHead(bytes);
      if (ready === null) return;
      socket.off("data", onData).off("error", leave).off("timeout", leave).off("end", leave);
      socket.setTimeout(0);
      socket.pause();
      socket.unshift(ready);
      serve!.call(server, socket);
      socket.resume();
    };
    socket.on("data", onData).on("error", leave).on("timeout", leave).on("end", leave);
    socket.setTimeout(headTimeout);
  });
}

const hijackLine = /^POST (?:\/v[\d.]+)?\/(?:containers\/[^/ ]+\/attach|exec\/[^/ ]+\/start)[? ]/;

/** The bytes to give to node:http, or null while more are needed to decide. */
export function prepareHead(bytes: Buffer): Buffer | null {
  if (bytes.length < 5) return null;
  if (bytes.toString("latin1", 0, 5) !== "POST ") return bytes;
  const lineEnd = bytes.indexOf("\r\n");
  if (lineEnd < 0) return null;
  if (!hijackLine.test(bytes.toString("latin1", 0, lineEnd))) return bytes;
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  if (/\r\nupgrade[ \t]*:/i.test(bytes.toString("latin1", lineEnd, headEnd))) return bytes;
  const added = Buffer.from(`\r\nConnection: Upgrade\r\nUpgrade: ${injectedUpgrade}`);
  return Buffer.concat([bytes.subarray(0, lineEnd), added, bytes.subarray(lineEnd)]);
}
