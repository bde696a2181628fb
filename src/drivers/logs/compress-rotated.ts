import { closeSync, fstatSync, openSync, renameSync, statSync, watch, constants } from "node:fs";
import { open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "../../kit/errors.ts";
import { trySystemCall } from "../../kit/syscalls.ts";
import { compressFile, isCompressed } from "./compressed-log.ts";

const lockExclusive = 2;
const mostFiles = 1_000;
const mostTries = 5;

/**
 * Compresses what a shim rotates away of the log at `path`, until `ended` settles and all that was
 * there by then is done.
 */
export async function compressRotated(
  path: string,
  ended: Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let isOver = false;
  let isDirty = true;
  let wake = (): void => undefined;
  const notice = (): void => {
    isDirty = true;
    wake();
  };
  const finish = (): void => {
    isOver = true;
    notice();
  };
  ended.then(finish, finish);
  signal.addEventListener("abort", finish, { once: true });
  const watcher = watch(dirname(path), (kind) => {
    if (kind === "rename") notice();
  });
  watcher.on("error", finish);
  try {
    for (;;) {
      const wasOver = isOver;
      isDirty = false;
      await compressAll(path, signal);
      if (wasOver) return;
      if (!isDirty) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener("abort", finish);
    watcher.close();
  }
}

/** The oldest last: it is the next to be dropped. */
async function compressAll(path: string, signal: AbortSignal): Promise<void> {
  const place = `${path}.compressing`;
  for (let number = 1; number <= mostFiles && !signal.aborted; number += 1) {
    let file;
    try {
      file = await open(`${path}.${number}`, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      throw error;
    }
    try {
      if (await isCompressed(file)) continue;
      await rm(place, { force: true });
      await compressFile(file, place, signal);
      replace(path, (await file.stat()).ino, place);
    } finally {
      await file.close();
      await rm(place, { force: true });
    }
  }
}

/**
 * Puts the compressed file where the plain one is by now. The shim holds the lock of the current
 * file while it renames, this does for a moment: neither sees the other half-way.
 */
function replace(path: string, inode: number, compressed: string): void {
  const lock = lockCurrent(path);
  if (lock === undefined) return;
  try {
    for (let number = 1; number <= mostFiles; number += 1) {
      const found = statSync(`${path}.${number}`, { throwIfNoEntry: false });
      if (found === undefined) return;
      if (found.ino !== inode) continue;
      renameSync(compressed, `${path}.${number}`);
      return;
    }
  } finally {
    closeSync(lock);
  }
}

/** The descriptor by which the current file is locked; undefined where there is none. */
function lockCurrent(path: string): number | undefined {
  for (let tries = 0; tries < mostTries; tries += 1) {
    let descriptor;
    try {
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
    const isLocked = trySystemCall("int flock(int, int)", descriptor, lockExclusive) >= 0;
    const current = statSync(path, { throwIfNoEntry: false });
    if (isLocked && current?.ino === fstatSync(descriptor).ino) return descriptor;
    closeSync(descriptor);
  }
  return undefined;
}
