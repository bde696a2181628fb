import type { RootfsStat } from "../../../domain/rootfs.ts";
import { decompress } from "../../../kit/decompress.ts";
import { DuetError, isDuetError } from "../../../kit/errors.ts";
import type { ContainerPathStat } from "../../../spec/docker/container.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { sendBytes } from "../streaming.ts";

const tarType = "application/x-tar";

/** `HEAD /containers/{id}/archive`. */
export async function statArchive(exchange: Exchange): Promise<void> {
  const { id, path } = target(exchange);
  const stat = await translated(exchange, () =>
    exchange.engine.containers.statPath(id, path, exchange.signal),
  );
  announce(exchange, stat);
  exchange.empty(200);
}

/** `GET /containers/{id}/archive`. */
export async function getArchive(exchange: Exchange): Promise<void> {
  const { id, path } = target(exchange);
  const { stat, body } = await translated(exchange, () =>
    exchange.engine.containers.archive(id, path, exchange.signal),
  );
  announce(exchange, stat);
  await sendBytes(exchange, tarType, body);
}

/** `PUT /containers/{id}/archive`: a tar, compressed or not, into a folder. */
export async function putArchive(exchange: Exchange): Promise<void> {
  const { id, path } = target(exchange);
  const options = {
    noOverwriteDirNonDir: exchange.query.flag("noOverwriteDirNonDir"),
    copyOwner: exchange.query.flag("copyUIDGID"),
  };
  await translated(exchange, () =>
    exchange.engine.containers.extract(
      id,
      path,
      decompress(exchange.body),
      options,
      exchange.signal,
    ),
  );
  exchange.empty(200);
}

/** `GET /containers/{id}/export`. */
export async function exportContainer(exchange: Exchange): Promise<void> {
  const { id } = exchange.engine.containers.get(exchange.parameter("id"));
  await sendBytes(
    exchange,
    "application/octet-stream",
    exchange.engine.containers.export(id, exchange.signal),
  );
}

function target(exchange: Exchange): { readonly id: string; readonly path: string } {
  const path = exchange.query.text("path");
  if (path === "") throw invalid("bad parameter: path cannot be empty");
  return { id: exchange.parameter("id"), path };
}

/** Docker's words for a path that is not there, on which clients branch. */
async function translated<T>(exchange: Exchange, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDuetError(error, "not-found") || error.code !== "PATH_NOT_FOUND") throw error;
    const { id, path } = target(exchange);
    throw new DuetError(
      "not-found",
      "PATH_NOT_FOUND",
      `Could not find the file ${path} in container ${id}`,
      { cause: error },
    );
  }
}

function announce(exchange: Exchange, stat: RootfsStat): void {
  const body: ContainerPathStat = {
    name: stat.name,
    size: stat.size,
    mode: goFileMode(stat.mode),
    mtime: new Date(stat.modifiedAt).toISOString(),
    linkTarget: stat.linkTarget,
  };
  exchange.header(
    "X-Docker-Container-Path-Stat",
    Buffer.from(JSON.stringify(body)).toString("base64"),
  );
}

/** st_mode as Go's os.FileMode: the type moves into high bits of Go's own. */
export function goFileMode(mode: number): number {
  const typeBits = goTypes.get(mode & 0o170000) ?? 0;
  const special =
    (mode & 0o4000 ? 2 ** 23 : 0) + (mode & 0o2000 ? 2 ** 22 : 0) + (mode & 0o1000 ? 2 ** 20 : 0);
  return typeBits + special + (mode & 0o777);
}

const goTypes: ReadonlyMap<number, number> = new Map([
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
  [0o060000, 2 ** 26],
  [0o020000, 2 ** 26 + 2 ** 21],
]);
