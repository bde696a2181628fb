import { constants, type BigIntStats, type Stats } from "node:fs";
import { lstat, open, readdir, readlink, stat } from "node:fs/promises";
import type { TarHeaderInput, TarMember } from "../../kit/tar/writer.ts";

type Entry = Stats | BigIntStats;

const readSize = 1 << 20;

/**
 * Members for `path` and everything below, under the name `base` (empty: the members' names start
 * below `path`). Symlinks stay symlinks; sockets and devices are left out. Names are bytes.
 */
export async function* packPath(
  path: Buffer,
  base: Buffer,
  followFirst: boolean,
): AsyncGenerator<TarMember, void, undefined> {
  yield* packEntry(path, base, followFirst);
}

async function* packEntry(
  path: Buffer,
  name: Buffer,
  follow: boolean,
): AsyncGenerator<TarMember, void, undefined> {
  const entry = await (follow ? stat(path) : lstat(path));
  if (entry.isFile()) {
    const content = contentOf(path, entry.size);
    yield { header: { ...headerOf(entry, name), kind: "file", size: entry.size }, content };
  } else if (entry.isSymbolicLink()) {
    const linkName = await readlink(path, { encoding: "buffer" });
    yield { header: { ...headerOf(entry, name), kind: "symlink", linkName } };
  } else if (entry.isDirectory()) {
    if (name.length > 0) yield { header: { ...headerOf(entry, name), kind: "directory" } };
    const children = await readdir(path, { encoding: "buffer" });
    for (const child of children.toSorted(Buffer.compare)) {
      yield* packEntry(join(path, child), name.length === 0 ? child : join(name, child), false);
    }
  } else if (entry.isFIFO()) {
    yield { header: { ...headerOf(entry, name), kind: "fifo" } };
  }
}

/** At most `size` bytes: what a file grows by meanwhile is left out. */
async function* contentOf(path: Buffer, size: number): AsyncGenerator<Buffer, void, undefined> {
  if (size === 0) return;
  const file = await open(path, constants.O_RDONLY);
  try {
    for (let left = size; left > 0;) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(left, readSize));
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      left -= bytesRead;
    }
  } finally {
    await file.close();
  }
}

function headerOf(entry: Entry, name: Buffer): Omit<TarHeaderInput, "kind"> {
  return {
    name,
    mode: Number(entry.mode) & 0o7777,
    uid: Number(entry.uid),
    gid: Number(entry.gid),
    modifiedSeconds: Math.floor(Number(entry.mtimeMs) / 1_000),
  };
}

const slash = Buffer.from("/");

function join(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, slash, name]);
}
