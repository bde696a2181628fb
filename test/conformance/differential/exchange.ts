import { request, type ClientRequest, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/** What came back, as bytes. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Why the body is not whole. */
  readonly broken?: string;
}

export interface Question {
  readonly socket: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Sent over the upgraded connection. */
  readonly input?: string;
  /** Lines after which a stream is broken off. */
  readonly lines?: number;
}

export interface Asked {
  /** Resolves when the head has come; never fails. */
  readonly head: Promise<void>;
  /** Resolves with the whole answer; an answer that never comes has status 0. */
  readonly answer: Promise<Answer>;
}

const longestMilliseconds = 120_000;

/** Sends one request over a connection of its own. */
export function ask(question: Question): Asked {
  const { promise: head, resolve: seen } = Promise.withResolvers<void>();
  const deadline = AbortSignal.timeout(longestMilliseconds);
  const answer = exchange(question, deadline, seen).catch((error: unknown) => ({
    status: 0,
    headers: {},
    body: Buffer.alloc(0),
    broken: deadline.aborted
      ? "no answer in time"
      : ((error as NodeJS.ErrnoException).code ?? "error"),
  }));
  void answer.then(() => seen());
  return { head, answer };
}

async function exchange(
  question: Question,
  deadline: AbortSignal,
  seen: () => void,
): Promise<Answer> {
  const asked = send(question, deadline);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  asked.on("error", reject);
  asked.on("response", (response) => {
    seen();
    resolve(gather(response, response, question, deadline));
  });
  asked.on("upgrade", (response: IncomingMessage, socket: Socket, first: Buffer) => {
    seen();
    if (first.length > 0) socket.unshift(first);
    const late = (): void => void socket.destroy(deadline.reason as Error);
    deadline.addEventListener("abort", late, { once: true });
    socket.once("close", () => deadline.removeEventListener("abort", late));
    resolve(gather(response, socket, question, deadline));
    socket.end(question.input ?? "");
  });
  return await promise;
}

function send(question: Question, signal: AbortSignal): ClientRequest {
  const { method, path, body, input } = question;
  const asked = request({
    socketPath: question.socket,
    method,
    path,
    signal,
    agent: false,
    headers: {
      Host: "docker",
      "User-Agent": "differential",
      ...question.headers,
      ...(input === undefined ? {} : { Connection: "Upgrade", Upgrade: "tcp" }),
      ...(body === undefined ? {} : { "Content-Length": String(body.length) }),
    },
  });
  asked.end(body);
  return asked;
}

async function gather(
  response: IncomingMessage,
  stream: NodeJS.ReadableStream,
  question: Question,
  deadline: AbortSignal,
): Promise<Answer> {
  const pieces: Buffer[] = [];
  let lines = 0;
  let broken: string | undefined;
  try {
    for await (const piece of stream) {
      const bytes = Buffer.from(piece as Uint8Array);
      pieces.push(bytes);
      lines += bytes.reduce((count, byte) => count + Number(byte === 10), 0);
      if (question.lines !== undefined && lines >= question.lines) break;
    }
  } catch (error) {
    broken = deadline.aborted ? "never ended" : String((error as NodeJS.ErrnoException).code);
  }
  const headers = Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
  );
  return {
    status: response.statusCode ?? 0,
    headers,
    body: Buffer.concat(pieces),
    ...(broken === undefined ? {} : { broken }),
  };
}
