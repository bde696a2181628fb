import { chown, chmod, lstat, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { DuetError, errnoOf } from "../../kit/errors.ts";

export interface ListenOptions {
  /** Permission bits of the socket file; 0o660 by default. */
  readonly mode?: number;
  /** Group that may use the socket; the process's own by default. */
  readonly gid?: number;
}

/** A client whose connect(2) finds the queue full fails at once on a unix socket (EAGAIN). */
const pendingConnections = 4096;
/** Longest path that fits sockaddr_un, with its end. */
const maximumPath = 107;

/**
 * Listens on a unix socket whose file never has more permission than `mode`. A socket file that
 * nobody answers on any more is replaced; anything else at the path is left alone.
 * Throws `conflict` SOCKET_IN_USE or SOCKET_PATH_TAKEN, `invalid` SOCKET_PATH_TOO_LONG.
 */
export async function listenUnix(
  server: Server,
  path: string,
  options: ListenOptions,
): Promise<void> {
  if (Buffer.byteLength(path) > maximumPath || !path.startsWith("/")) {
    throw new DuetError(
      "invalid",
      "SOCKET_PATH_TOO_LONG",
      `a unix socket's path must be absolute and at most ${maximumPath} bytes long: ${path}`,
      { hint: "choose a shorter run folder" },
    );
  }
  await removeStale(path);
  // bind(2) makes the file in the same call, so the mask must hold at that moment.
  const before = process.umask(0o777 & ~(options.mode ?? 0o660));
  try {
    const listening = once(server, path);
    process.umask(before);
    await listening;
  } finally {
    process.umask(before);
  }
  if (options.gid !== undefined) await chown(path, -1, options.gid);
  await chmod(path, options.mode ?? 0o660);
}

async function once(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("listening", resolve).once("error", reject);
  server.listen({ path, backlog: pendingConnections });
  try {
    await promise;
  } catch (error) {
    throw new DuetError(
      errnoOf(error) === "EADDRINUSE" ? "conflict" : "unavailable",
      errnoOf(error) === "EADDRINUSE" ? "SOCKET_IN_USE" : "LISTEN_FAILED",
      `cannot listen on ${path}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  } finally {
    server.off("listening", resolve).off("error", reject);
  }
}

async function removeStale(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => null);
  if (stat === null) return;
  if (!stat.isSocket()) {
    throw new DuetError("conflict", "SOCKET_PATH_TAKEN", `${path} exists and is no socket`, {
      hint: "move it away, or choose another socket path",
    });
  }
  if (await isAnswered(path)) {
    throw new DuetError("conflict", "SOCKET_IN_USE", `another daemon listens on ${path}`, {
      hint: "stop it, or choose another socket path",
    });
  }
  await unlink(path).catch(() => undefined);
}

/** Only a refused connection proves that nobody listens. */
async function isAnswered(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = connect({ path });
  probe.once("connect", () => resolve(true));
  probe.once("error", (error) => {
    const errno = errnoOf(error);
    resolve(errno !== "ECONNREFUSED" && errno !== "ENOENT");
  });
  try {
    return await promise;
  } finally {
    probe.destroy();
  }
}
