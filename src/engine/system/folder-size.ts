import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

/** Bytes that the files of a tree say they have, as Docker counts volumes; each hard link once. What vanishes meanwhile counts nothing. */
export async function folderSize(folder: string, signal: AbortSignal): Promise<number> {
  const seen = new Set<string>();
  let total = 0;
  const pending = [folder];
  for (let current = pending.pop(); current !== undefined; current = pending.pop()) {
    signal.throwIfAborted();
    const directory = await opendir(current).catch(() => undefined);
    if (directory === undefined) continue;
    for await (const entry of directory) {
      const path = join(current, entry.name);
      if (entry.isDirectory()) pending.push(path);
      const status = await lstat(path).catch(() => undefined);
      if (status === undefined || status.isDirectory()) continue;
      const key = `${status.dev}:${status.ino}`;
      if (status.nlink > 1) {
        if (seen.has(key)) continue;
        seen.add(key);
      }
      total += status.size;
    }
  }
  return total;
}

export async function isEmptyFolder(folder: string): Promise<boolean> {
  const directory = await opendir(folder);
  try {
    return (await directory.read()) === null;
  } finally {
    await directory.close();
  }
}
