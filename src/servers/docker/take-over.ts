import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { invalid } from "./failures.ts";

/** What node:http listens to on a connection; its `close` stays, which frees what it holds. */
const taken = ["data", "end", "drain", "error", "timeout"] as const;

/**
 * Takes a connection away from node:http in the middle of a request whose client does not ask to
 * upgrade. `installFront` does that for the first request of a connection; a client with a pool sends
 * such a request as a later one. Its input cannot have begun: it waits for the head of the answer.
 * Throws `invalid` where the body has no length.
 */
export async function takeOver(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Socket> {
  if (request.headers["transfer-encoding"] !== undefined) {
    throw invalid("a request that becomes a raw stream must have a Content-Length");
  }
  if (!request.complete) {
    request.resume();
    await once(request, "end");
  }
  const { socket } = request;
  response.detachSocket(socket);
  // A listener makes node:net read again what its parser has read below it until now.
  socket.on("data", () => undefined);
  for (const event of taken) socket.removeAllListeners(event);
  socket.pause();
  socket.setTimeout(0);
  socket.on("error", () => undefined);
  return socket;
}
