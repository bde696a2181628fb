import { getSystemErrorMessage } from "node:util";
import { DuetError } from "../../kit/errors.ts";

/** What cannot be meant; at create. */
export function badOption(message: string): DuetError {
  return new DuetError("invalid", "LOG_OPTION", message);
}

export function unknownOption(option: string, driver: string): DuetError {
  return badOption(`unknown log opt '${option.slice(0, 80)}' for ${driver} log driver`);
}

/** Where logs should go is not there; `what` is as in `dial tcp 127.0.0.1:514`. */
export function unreachable(what: string, error: unknown): DuetError {
  return new DuetError("unavailable", "LOG_DESTINATION", `${what}: ${wordsOf(error)}`, {
    cause: error,
  });
}

function wordsOf(error: unknown): string {
  const { errno, message } = error as NodeJS.ErrnoException;
  if (typeof errno !== "number") return message;
  return `connect: ${getSystemErrorMessage(errno) ?? message}`;
}
