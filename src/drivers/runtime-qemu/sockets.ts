import { stat } from "node:fs/promises";
import type { Mount } from "../../domain/mount.ts";
import type { WorkloadMount } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";

/** A socket of the host that a machine's programs may connect to, through shim and agent. */
export interface HostSocket {
  /** Its place in CONFIGURE's list. */
  readonly number: number;
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/** unix(7): as much as an address holds. */
const longestPath = 107;

/**
 * Those of the bind mounts whose source is a socket. No shared file system carries a connection from one kernel
 * to another, so these are forwarded instead. Throws `invalid` SOCKET_PATH on a path that no address holds.
 */
export async function hostSockets(
  binds: readonly WorkloadMount[],
): Promise<ReadonlyMap<WorkloadMount, HostSocket>> {
  const found = new Map<WorkloadMount, HostSocket>();
  for (const bind of binds) {
    const facts = await stat(bind.source).catch(() => undefined);
    if (facts?.isSocket() !== true) continue;
    if (Buffer.byteLength(bind.source) > longestPath) throw tooLong(bind.source);
    const { uid, gid, mode } = facts;
    found.set(bind, { number: found.size, path: bind.source, uid, gid, mode: mode & 0o777 });
  }
  return found;
}

/** Binds of a root that is only looked at, where nothing connects to anything. */
export async function withoutSockets(mounts: readonly Mount[]): Promise<readonly WorkloadMount[]> {
  const binds = mounts.map(({ source, target, options }): WorkloadMount => ({
    kind: "bind",
    source,
    target,
    readonly: options.includes("ro"),
    propagation: "",
    nonRecursive: false,
    options: [],
  }));
  const sockets = await hostSockets(binds);
  return binds.filter((bind) => !sockets.has(bind));
}

function tooLong(path: string): DuetError {
  return new DuetError("invalid", "SOCKET_PATH", `the path of a socket is too long · ${path}`, {
    hint: `mount a socket whose path has at most ${longestPath} bytes`,
  });
}
