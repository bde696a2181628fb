import { DuetError, reasonOf } from "../../kit/errors.ts";

/** What cannot be meant; at create. */
export function badOption(message: string): DuetError {
  return new DuetError("invalid", "LOG_OPTION", message);
}

export function unknownOption(option: string, driver: string): DuetError {
  return badOption(`unknown log opt '${option.slice(0, 80)}' for ${driver} log driver`);
}

/** Where logs should go is not there; `what` is as in `dial tcp 127.0.0.1:514`. */
export function unreachable(what: string, error: unknown): DuetError {
  const reason = reasonOf(error);
  const words = reason === undefined ? (error as Error).message : `connect: ${reason}`;
  return new DuetError("unavailable", "LOG_DESTINATION", `${what}: ${words}`, { cause: error });
}
