import {
  chmod,
  lchown,
  link,
  mkdir,
  open,
  rm,
  stat,
  symlink,
  utimes,
  type FileHandle,
} from "node:fs/promises";
import { constants, fchmodSync, fchownSync, futimesSync } from "node:fs";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { readTar } from "../../kit/tar/reader.ts";
import type { TarEntry } from "../../kit/tar/entry.ts";

export interface ExtractOptions {
  /** Keep owners as the archive says; else files belong to the caller. */
  readonly keepOwner: boolean;
  /** Called for what is left out: devices and pipes. */
  skipped(name: string): void;
}

interface Late {
  readonly path: Buffer;
  readonly entry: TarEntry;
}

/**
 * Writes an archive from a container, which may be hostile, below `folder` of the host. `rename`
 * gives the path below `folder` for a member's name. Names with `..` are refused; symlinks are made
 * after everything else, so that no member is written through one.
 */
export async function extractTar(
  source: AsyncIterable<Uint8Array>,
  folder: Buffer,
  rename: (name: Buffer) => Buffer,
  options: ExtractOptions,
): Promise<void> {
  const symlinks: Late[] = [];
  const directories: Late[] = [];
  for await (const entry of readTar(source)) {
    const path = below(folder, rename(entry.name));
    if (entry.kind === "symlink") symlinks.push({ path, entry });
    else if (entry.kind === "directory") {
      await makeFolder(path);
      directories.push({ path, entry });
    } else if (entry.kind === "file") await writeFile(path, entry, options);
    else if (entry.kind === "hardlink") await makeLink(below(folder, rename(entry.linkName)), path);
    else options.skipped(entry.name.toString());
  }
  for (const { path, entry } of symlinks) {
    await replace(path);
    await symlink(entry.linkName, path);
    if (options.keepOwner) await lchown(path, entry.uid, entry.gid);
  }
  for (const { path, entry } of directories.toReversed()) await finish(path, entry, options);
}

function below(folder: Buffer, name: Buffer): Buffer {
  const parts = name
    .toString("latin1")
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    throw new DuetError(
      "denied",
      "PATH_ESCAPES",
      `refused to copy · the archive names a path outside the target · ${name.toString()}`,
    );
  }
  return parts.length === 0
    ? folder
    : Buffer.concat([folder, Buffer.from(`/${parts.join("/")}`, "latin1")]);
}

async function makeFolder(path: Buffer): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    if ((await stat(path)).isDirectory()) return;
    throw new DuetError(
      "conflict",
      "NOT_A_FOLDER",
      `cannot overwrite a file with a folder · ${path.toString()}`,
    );
  }
}

/** Bytes of a file that are gathered for one write. */
const batchSize = 1 << 20;

async function writeFile(path: Buffer, entry: TarEntry, options: ExtractOptions): Promise<void> {
  const file = await create(path);
  try {
    let batch: Buffer[] = [];
    let [start, size] = [0, 0];
    const flush = async (): Promise<void> => {
      if (batch.length > 0) await file.writev(batch, start);
      [batch, start, size] = [[], start + size, 0];
    };
    for await (const { offset, data } of entry.pieces()) {
      if (offset !== start + size || size >= batchSize) {
        await flush();
        start = offset;
      }
      batch.push(data);
      size += data.length;
    }
    await flush();
    if (entry.sparse !== null) await file.truncate(entry.size);
    // Each of these takes a microsecond; a turn through the pool of threads takes a hundred.
    if (options.keepOwner) fchownSync(file.fd, entry.uid, entry.gid);
    fchmodSync(file.fd, entry.mode);
    futimesSync(file.fd, entry.modifiedSeconds, entry.modifiedSeconds);
  } finally {
    await file.close();
  }
}

const creating = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

async function create(path: Buffer): Promise<FileHandle> {
  try {
    return await open(path, creating, 0o600);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    await replace(path);
    return await open(path, creating, 0o600);
  }
}

async function makeLink(target: Buffer, path: Buffer): Promise<void> {
  await replace(path);
  await link(target, path);
}

/** Takes away a file that is in the way; a folder is kept and makes what follows fail. */
async function replace(path: Buffer): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    if (errnoOf(error) !== "ERR_FS_EISDIR") throw error;
    throw new DuetError(
      "conflict",
      "IS_A_FOLDER",
      `cannot overwrite a folder with a file · ${path.toString()}`,
    );
  }
}

async function finish(path: Buffer, entry: TarEntry, options: ExtractOptions): Promise<void> {
  if (options.keepOwner) await lchown(path, entry.uid, entry.gid);
  await chmod(path, entry.mode);
  await utimes(path, entry.modifiedSeconds, entry.modifiedSeconds);
}
