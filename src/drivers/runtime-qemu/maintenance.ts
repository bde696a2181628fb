import type { RootfsSession } from "../../domain/rootfs.ts";

/** The same session, with something to do after its end. */
export function withEnd(session: RootfsSession, end: () => Promise<void>): RootfsSession {
  return {
    stat: (path, follow, signal) => session.stat(path, follow, signal),
    realPath: (path, signal) => session.realPath(path, signal),
    lookupUser: (user, groups, signal) => session.lookupUser(user, groups, signal),
    archive: (path, signal) => session.archive(path, signal),
    extract: (path, tar, options, signal) => session.extract(path, tar, options, signal),
    members: (path, place, without, signal) => session.members(path, place, without, signal),
    wholeTree: (signal) => session.wholeTree(signal),
    changes: (signal, base) => session.changes(signal, base),
    layer: (signal, base, options) => session.layer(signal, base, options),
    readyLayer: (signal) => session.readyLayer(signal),
    removeMountPoints: (paths, signal, base) => session.removeMountPoints(paths, signal, base),
    readFile: (path, limit, signal) => session.readFile(path, limit, signal),
    makeDirectory: (path, mode, uid, gid, signal) =>
      session.makeDirectory(path, mode, uid, gid, signal),
    [Symbol.asyncDispose]: async () => {
      try {
        await session[Symbol.asyncDispose]();
      } finally {
        await end();
      }
    },
  };
}
