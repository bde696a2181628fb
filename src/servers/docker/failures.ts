import { DuetError } from "../../kit/errors.ts";
import type { ErrorAnswer } from "../../spec/docker/system.ts";

export function invalid(message: string, hint?: string): DuetError {
  return new DuetError("invalid", "REQUEST_INVALID", message, hint === undefined ? {} : { hint });
}

/** `http` where Docker answers another status than 501. */
export function unsupported(message: string, hint?: string, http?: number): DuetError {
  return new DuetError("unsupported", "NOT_SUPPORTED", message, {
    ...(hint === undefined ? {} : { hint }),
    ...(http === undefined ? {} : { http }),
  });
}

export function notFound(code: string, message: string): DuetError {
  return new DuetError("not-found", code, message);
}

/** HTTP statuses that may leave this server as they are; anything else is a fault of ours. */
export function statusOf(error: DuetError): number {
  return error.http >= 300 && error.http < 600 ? error.http : 500;
}

/**
 * The message as a Docker client shows it: it knows only `message`, so the hint follows on a line of
 * its own, except where clients compare Docker's own wording.
 */
export function messageOf(error: DuetError): string {
  const isCompared = error.class === "not-found" || error.class === "conflict";
  return error.hint === undefined || isCompared ? error.message : `${error.message}\n${error.hint}`;
}

/** Duet's own client sends no User-Agent and shows `hint` itself. */
export function errorAnswer(error: DuetError, userAgent: string | undefined): ErrorAnswer {
  return {
    message: userAgent === undefined ? error.message : messageOf(error),
    class: error.class,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
}
