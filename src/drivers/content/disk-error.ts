import { DuetError, errnoOf } from "../../kit/errors.ts";

/** A failed disk operation as a typed error; a DuetError passes as it is. */
export function diskError(what: string, subject: string, error: unknown): unknown {
  const code = errnoOf(error);
  if (error instanceof DuetError || code === undefined) return error;
  const message = `cannot ${what}: ${error instanceof Error ? error.message : code}: ${subject}`;
  const options = { cause: error, subject };
  if (code === "ENOSPC" || code === "EDQUOT") {
    const hint = "free space on the file system of the data root";
    return new DuetError("exhausted", "NO_SPACE", message, { ...options, hint });
  }
  if (code === "EMFILE" || code === "ENFILE" || code === "ENOMEM") {
    return new DuetError("exhausted", "NO_RESOURCES", message, {
      ...options,
      hint: "try again when less is going on",
    });
  }
  return new DuetError("unavailable", "DISK_FAILED", message, {
    ...options,
    hint: "check the disk of the data root",
  });
}
