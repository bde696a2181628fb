import { DuetError } from "./errors.ts";

/** Why something was cancelled: every abort carries one of these. */
export function canceled(why: string): DuetError {
  return new DuetError("canceled", "CANCELED", `canceled: ${why}`);
}

/** `signal`, cut short by a deadline. The reason is a DuetError of class `timeout` naming `what`. */
export function withDeadline(signal: AbortSignal, milliseconds: number, what: string): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new DuetError("timeout", "TIMEOUT", `${what} took over ${milliseconds} ms`));
  }, milliseconds);
  timer.unref();
  if (signal.aborted) controller.abort(signal.reason);
  signal.addEventListener("abort", () => controller.abort(signal.reason), {
    once: true,
    signal: controller.signal,
  });
  return controller.signal;
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as it aborts. */
export async function race<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    // Nobody waits for it any more: its failure must not count as one that nobody handles.
    promise.catch(() => undefined);
    throw signal.reason;
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const listener = (): void => reject(signal.reason);
  signal.addEventListener("abort", listener, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", listener);
  }
}

/** A signal that never aborts, for work that must not be cancelled. */
export const never: AbortSignal = new AbortController().signal;
