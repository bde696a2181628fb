import { randomBytes } from "node:crypto";
import { chmod, mkdir, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { checkAgent, forwardAgent } from "../../../spec/buildkit/session.ts";
import { write } from "../../../kit/grpc/write.ts";
import { isAbsent } from "./secrets.ts";
import type { Session } from "./session.ts";

/** Connections at once to one agent. */
const maximumConnections = 32;

/**
 * A unix socket through which a build step reaches the client's ssh agent; undefined where the client has none of
 * that name. It is in `folder`, which is made where missing. Disposing closes and removes it.
 */
export async function openAgent(
  folder: string,
  session: Session,
  id: string,
  signal: AbortSignal,
): Promise<({ readonly path: string } & AsyncDisposable) | undefined> {
  if (!session.offers(forwardAgent)) return undefined;
  try {
    await session.client.call(checkAgent, { id }, signal);
  } catch (error) {
    if (isAbsent(error) || isUnset(error)) return undefined;
    throw error;
  }
  await using opening = new AsyncDisposableStack();
  // Whoever may use it, by its owner, has to reach it.
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const path = join(folder, `ssh-${randomBytes(8).toString("hex")}`);
  opening.defer(() => rm(path, { force: true }));
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    forward(session, id, socket, signal).catch(() => socket.destroy());
  });
  server.maxConnections = maximumConnections;
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once("listening", resolve).once("error", reject);
  server.listen(path);
  await listening;
  opening.defer(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  // Which process may use it is decided by who owns it: the step's mount sets that.
  await chmod(path, 0o600);
  const opened = opening.move();
  return { path, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** buildx tells of an agent that it lacks by the code for anything. */
function isUnset(error: unknown): boolean {
  return error instanceof Error && /unset ssh forward key/.test(error.message);
}

async function forward(
  session: Session,
  id: string,
  socket: Socket,
  signal: AbortSignal,
): Promise<void> {
  const call = session.client.open(forwardAgent, { "buildkit.ssh.id": id }, signal);
  socket.on("error", () => undefined);
  socket.once("close", () => call.cancel());
  try {
    const upward = (async () => {
      for await (const data of socket.iterator({ destroyOnReturn: false })) {
        await call.send({ data: data as Buffer });
      }
      call.end();
    })();
    upward.catch(() => call.cancel());
    for await (const { data } of call.responses) await write(socket, data);
    socket.end();
  } finally {
    call.cancel();
    socket.destroy();
  }
}
