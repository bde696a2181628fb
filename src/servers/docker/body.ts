import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { DuetError } from "../../kit/errors.ts";
import { invalid } from "./failures.ts";
import { checkJsonType } from "./gate.ts";
import { bodyTimeout, maximumJsonBody } from "./limits.ts";
import { parseBoundedJson } from "./strict-json.ts";

function tooLarge(): DuetError {
  return new DuetError("too-large", "BODY_TOO_LARGE", `the body is over ${maximumJsonBody} bytes`);
}

function bodyLate(): DuetError {
  return new DuetError("timeout", "BODY_TIMEOUT", `the body took over ${bodyTimeout} ms`, {
    http: 408,
  });
}

/** Collects and parses a body; undefined where it is empty. */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  if (Number(request.headers["content-length"] ?? 0) > maximumJsonBody) throw tooLarge();
  const timer = setTimeout(() => request.destroy(bodyLate()), bodyTimeout);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // Leaving the loop must not destroy the connection: the refusal has yet to be sent on it.
    const incoming = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of incoming) {
      size += chunk.length;
      if (size > maximumJsonBody) break;
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
  }
  if (size > maximumJsonBody) throw tooLarge();
  return parseBody(request, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
}

/** The same for a request whose socket node:http has given up: its body stands on the socket. */
export async function readSocketBody(request: IncomingMessage, socket: Socket): Promise<unknown> {
  if (request.headers["transfer-encoding"] !== undefined) {
    throw invalid("a request that becomes a raw stream must have a Content-Length");
  }
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > maximumJsonBody) throw tooLarge();
  if (length === 0) return undefined;
  return parseBody(request, await readExactly(socket, length));
}

/** Reads such a body without looking at it, where its length was told. */
export async function skipSocketBody(request: IncomingMessage, socket: Socket): Promise<void> {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > maximumJsonBody) throw tooLarge();
  if (length > 0) await readExactly(socket, length);
}

function parseBody(request: IncomingMessage, bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  checkJsonType(request.headers["content-type"]);
  return parseBoundedJson(bytes);
}

async function readExactly(socket: Socket, length: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const timer = setTimeout(() => reject(bodyLate()), bodyTimeout);
  const take = (): void => {
    const bytes: Buffer | null = socket.read(length);
    if (bytes?.length === length) resolve(bytes);
    else if (bytes !== null || socket.readableEnded) reject(invalid("the body ends too early"));
  };
  const end = (): void => reject(invalid("the body ends too early"));
  socket.on("readable", take).once("end", end).once("close", end);
  take();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.off("readable", take).off("end", end).off("close", end);
  }
}
