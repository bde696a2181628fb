import { lstat, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { isDirectory, isSymlink } from "../../client/path-stat.ts";
import type { ContainerPathStat } from "../../client/api-types.ts";
import { DuetError, isDuetError, reasonOf } from "../../kit/errors.ts";
import { writeTar } from "../../kit/tar/writer.ts";
import type { Context } from "../command.ts";
import { baseName, parentPath, shapeOf, type Endpoint } from "./endpoints.ts";
import { packPath } from "./pack.ts";

type ContainerSide = Extract<Endpoint, { kind: "container" }>;

/** `cp SRC CONTAINER:PATH`: into a folder under its own name, else as PATH; `-` unpacks a tar into a folder. */
export async function copyToContainer(
  context: Context,
  from: Exclude<Endpoint, ContainerSide>,
  to: ContainerSide,
): Promise<void> {
  const { containers } = context.duet();
  const { flags, signal, terminal } = context;
  const query = {
    noOverwriteDirNonDir: true,
    ...(flags.boolean("archive") ? { copyUIDGID: true } : {}),
  };
  if (from.kind === "stream") {
    await containers.extract(
      to.container,
      to.path,
      terminal.input as AsyncIterable<Uint8Array>,
      query,
      signal,
    );
    return;
  }
  const source = resolve(from.path);
  const shape = shapeOf(from.path);
  const followFirst = flags.boolean("follow-link") || shape.mustBeFolder;
  const entry = await (followFirst ? stat(source) : lstat(source)).catch((error: unknown) => {
    throw new DuetError(
      "not-found",
      "NO_SUCH_FILE",
      `cannot copy · ${reasonOf(error)} · ${from.path}`,
      { cause: error },
    );
  });
  const target = await targetOf(context, to);
  if (entry.isDirectory() && target.stat !== null && !isDirectory(target.stat)) {
    throw new DuetError(
      "conflict",
      "NOT_A_FOLDER",
      `cannot copy a folder onto a file · ${to.path}`,
    );
  }
  const into = target.stat !== null && isDirectory(target.stat);
  if (!into && target.stat === null && shapeOf(to.path).mustBeFolder && !entry.isDirectory()) {
    throw new DuetError(
      "not-found",
      "NO_SUCH_FOLDER",
      `cannot copy · no such folder in the container · ${to.path}`,
    );
  }
  const name = into ? (shape.contentOnly ? "" : baseName(source)) : baseName(target.path);
  const folder = into ? target.path : parentPath(target.path);
  const tar = writeTar(packPath(Buffer.from(source), Buffer.from(name), followFirst));
  await containers.extract(to.container, folder, tar, query, signal);
}

/** The path in the container and what is there; a symlink there is followed one step, as Docker's CLI. */
async function targetOf(
  context: Context,
  to: ContainerSide,
): Promise<{ readonly path: string; readonly stat: ContainerPathStat | null }> {
  const path = to.path.startsWith("/") ? to.path : `/${to.path}`;
  const found = await statOrNull(context, to.container, path);
  if (found === null || !isSymlink(found) || found.linkTarget === "") return { path, stat: found };
  const linked = found.linkTarget.startsWith("/")
    ? found.linkTarget
    : `${parentPath(path)}/${found.linkTarget}`;
  return { path: linked, stat: await statOrNull(context, to.container, linked) };
}

async function statOrNull(
  context: Context,
  container: string,
  path: string,
): Promise<ContainerPathStat | null> {
  try {
    return await context.duet().containers.statPath(container, path, context.signal);
  } catch (error) {
    if (isDuetError(error, "not-found") && !/no such container/i.test(error.message)) return null;
    throw error;
  }
}
