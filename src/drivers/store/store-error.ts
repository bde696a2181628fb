import { DuetError } from "../../kit/errors.ts";

/** Primary result codes (https://www.sqlite.org/rescode.html). */
const sqlite = {
  busy: 5,
  noMemory: 7,
  readonly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  notADatabase: 26,
} as const;

/** The primary SQLite result code of an error thrown by node:sqlite, or undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

/** SQLITE_IOERR_SHORT_READ: the file ends before a page that it must have. */
const shortRead = 522;

export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error);
  if (error instanceof Error && "errcode" in error && error.errcode === shortRead) return true;
  if (code === sqlite.corrupt || code === sqlite.notADatabase) return true;
  return error instanceof DuetError && error.code === "STATE_CORRUPT";
}

/** The typed form of a store's failure, and whether the store must not be written to any more. */
export function storeError(error: unknown): { readonly failure: unknown; readonly fatal: boolean } {
  const code = sqliteCode(error);
  if (code === undefined) return { failure: error, fatal: false };
  const message = error instanceof Error ? error.message : String(error);
  const because = `the state cannot be written: ${message}`;
  if (code === sqlite.full) {
    const hint = "free space on the file system of the data root";
    return {
      failure: new DuetError("exhausted", "NO_SPACE", because, { cause: error, hint }),
      fatal: false,
    };
  }
  if (code === sqlite.corrupt || code === sqlite.notADatabase) {
    const hint = "stop the daemon and start it with state recovery";
    return {
      failure: new DuetError("corrupt", "STATE_CORRUPT", because, { cause: error, hint }),
      fatal: true,
    };
  }
  if (code === sqlite.busy) {
    const hint = "another process has the data root open; stop it";
    return {
      failure: new DuetError("conflict", "STATE_BUSY", because, { cause: error, hint }),
      fatal: false,
    };
  }
  const fatal = code === sqlite.ioError || code === sqlite.readonly || code === sqlite.noMemory;
  const hint = "check the disk of the data root and restart the daemon";
  return {
    failure: new DuetError("unavailable", "STATE_FAILED", because, { cause: error, hint }),
    fatal,
  };
}
