import { closeSync } from "node:fs";
import { connect as connectTo } from "node:net";
import { join } from "node:path";
import type { WorkloadHandle } from "../../domain/container.ts";
import type { ShimLauncher, WorkloadLink } from "../../domain/shim.ts";
import { race } from "../../kit/abort.ts";
import { childSocket, startChild, type ChildProgram } from "../../kit/child-program.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { fieldTag, messageType, protocolVersion } from "../../spec/workload.ts";
import { sealedProgram } from "./sealed-program.ts";
import { createLink } from "./link.ts";

/** Name of the shim's socket in its run directory. */
export const shimSocketName = "shim.sock";
/** Largest path that a unix socket address holds. */
const maximumSocketPath = 107;

/** Starts and finds shims; `binary` is the path of duet-shim. */
export function createShimLauncher(options: { readonly binary: string }): ShimLauncher {
  let program: string | undefined;
  return {
    launch: (runDirectory, name, signal) => {
      program ??= sealedProgram(options.binary, "duet-shim");
      return launch(program, runDirectory, name, signal);
    },
    connect,
    connectSocket,
  };
}

async function launch(
  binary: string,
  runDirectory: string,
  name: string,
  signal: AbortSignal,
): Promise<{ link: WorkloadLink; handle: WorkloadHandle }> {
  signal.throwIfAborted();
  const socket = join(runDirectory, shimSocketName);
  checkSocketPath(socket);
  /* Descriptor 3 is a socket pair: the first connection needs no connect, and no wait for a listener. */
  const { stream, descriptor } = childSocket();
  const link = createLink(stream);
  try {
    const child = await started(binary, [socket, name], descriptor);
    await greet(link, signal);
    return { link, handle: { socket, shimPid: child.pid } };
  } catch (error) {
    link.close();
    throw error;
  }
}

async function started(
  binary: string,
  words: readonly string[],
  descriptor: number,
): Promise<ChildProgram> {
  try {
    const files = [null, null, null, descriptor];
    return await startChild(binary, ["duet-shim", ...words], { files, session: true });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DuetError("unavailable", "SHIM_FAILED", `cannot start the shim: ${why}`, {
      cause,
      hint: "build the native parts with `make -C native`",
    });
  } finally {
    closeSync(descriptor);
  }
}

async function connect(
  handle: WorkloadHandle,
  signal: AbortSignal,
): Promise<WorkloadLink | undefined> {
  let link: WorkloadLink;
  try {
    link = await connectSocket(handle.socket, signal);
  } catch (error) {
    if (error instanceof DuetError && error.code === "NOBODY_LISTENS") return undefined;
    throw error;
  }
  try {
    if ((await greet(link, signal)) === handle.shimPid) return link;
  } catch (error) {
    if (!(error instanceof DuetError && error.code === "LINK_LOST")) throw error;
  }
  link.close();
  return undefined;
}

/** HELLO; gives the pid of the other side. */
async function greet(link: WorkloadLink, signal: AbortSignal): Promise<number> {
  const answer = await link.request(
    messageType.hello,
    [[fieldTag.version, protocolVersion]],
    signal,
  );
  return answer.number(fieldTag.pid);
}

async function connectSocket(path: string, signal: AbortSignal): Promise<WorkloadLink> {
  signal.throwIfAborted();
  checkSocketPath(path);
  const socket = connectTo(path);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", resolve);
  socket.once("error", reject);
  try {
    await race(promise, signal);
  } catch (error) {
    promise.catch(() => undefined);
    socket.destroy();
    const errno = errnoOf(error);
    if (errno !== "ENOENT" && errno !== "ECONNREFUSED") throw error;
    throw new DuetError(
      "unavailable",
      "NOBODY_LISTENS",
      `nobody listens on the workload's socket · ${path}`,
      {
        cause: error,
      },
    );
  }
  socket.off("error", reject);
  return createLink(socket);
}

function checkSocketPath(path: string): void {
  if (Buffer.byteLength(path) <= maximumSocketPath) return;
  throw new DuetError(
    "invalid",
    "PATH_TOO_LONG",
    `the run directory's path is too long for a socket · ${path}`,
    {
      hint: "choose a run directory with a shorter path",
    },
  );
}
