import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { DuetError, errnoOf } from "../../src/kit/errors.ts";

export interface Page {
  readonly status: number;
  readonly server: string;
  readonly title: string;
  readonly milliseconds: number;
}

const retryMilliseconds = 50;

/** The page of a server that may still be starting; throws PAGE_MISSING after `seconds`. */
export async function waitForPage(
  url: string,
  seconds: number,
  signal: AbortSignal,
): Promise<Page> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(seconds * 1000)]);
  let last: unknown;
  while (!deadline.aborted) {
    try {
      return await fetchPage(url, deadline);
    } catch (error) {
      last = error;
    }
    await pause(retryMilliseconds, undefined, { signal: deadline }).catch(() => undefined);
  }
  signal.throwIfAborted();
  throw new DuetError("timeout", "PAGE_MISSING", `${url} gave no page within ${seconds} s`, {
    cause: last,
    hint: "look at `bin/duet logs` of the workload and at `bin/duet doctor`",
  });
}

async function fetchPage(url: string, signal: AbortSignal): Promise<Page> {
  const started = performance.now();
  const request = get(url, { signal, agent: false });
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return {
    status: answer.statusCode ?? 0,
    server: String(answer.headers["server"] ?? ""),
    title: /<title>([^<]*)<\/title>/.exec(text)?.[1] ?? "",
    milliseconds: performance.now() - started,
  };
}

/** Whether somebody already listens on a port of this host. */
export async function portIsTaken(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    return errnoOf(error) !== "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}
