import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { DuetError } from "./errors.ts";
import { trySystemCall } from "./syscalls.ts";

/** Held until `release` or the end of the process, however it ends. */
export interface FileLock {
  release(): void;
}

const lockExclusive = 2;
const lockNonBlocking = 4;
const longestOwner = 20;

/**
 * Locks `path` with flock(2), making the file where it is absent, without waiting. The kernel gives
 * the lock back when the process ends, so there is never a stale one; the file itself stays. Its
 * content is the holder's pid, for messages only. Throws `conflict` LOCKED.
 */
export function lockFile(path: string, what: string): FileLock {
  const descriptor = openSync(
    path,
    constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    if (!fstatSync(descriptor).isFile()) {
      throw new DuetError("invalid", "LOCK_INVALID", `the lock is not a regular file: ${path}`);
    }
    const result = trySystemCall(
      "int flock(int, int)",
      descriptor,
      lockExclusive | lockNonBlocking,
    );
    if (result < 0) throw locked(path, what, ownerOf(descriptor));
    ftruncateSync(descriptor);
    writeSync(descriptor, `${process.pid}\n`, 0);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  let held = true;
  return {
    release() {
      if (held) closeSync(descriptor);
      held = false;
    },
  };
}

function ownerOf(descriptor: number): string {
  const buffer = Buffer.alloc(longestOwner);
  const size = readSync(descriptor, buffer, 0, longestOwner, 0);
  const text = buffer.toString("latin1", 0, size).trim();
  return /^\d+$/.test(text) ? `process ${text}` : "another process";
}

function locked(path: string, what: string, owner: string): DuetError {
  return new DuetError("conflict", "LOCKED", `${what} is in use by ${owner}: ${path}`, {
    subject: path,
    hint: "stop that process, or use another data root",
  });
}
