import { Duplex, PassThrough, Readable } from "node:stream";
import type { Sparse } from "../../../kit/grpc/encode.ts";
import { GrpcClient } from "../../../kit/grpc/client.ts";
import type { Call } from "../../../kit/grpc/server.ts";
import type { SessionTable } from "./session.ts";
import { readSessionHead } from "./session-head.ts";

interface Bytes {
  readonly data: Buffer;
}

/** A session whose connection is itself a call: `Control/Session`, where a client cannot open a second connection. */
export async function* serveStreamSession(
  sessions: SessionTable,
  requests: AsyncIterable<Bytes>,
  call: Call,
): AsyncGenerator<Sparse<Bytes>, void, undefined> {
  const head = readSessionHead((name) => call.headers(name));
  const down = new PassThrough();
  const up = Readable.from(dataOf(requests), { objectMode: false });
  const socket = Duplex.from({ readable: up, writable: down });
  socket.on("error", () => undefined);
  const served = serve(sessions, head, socket, call.signal);
  served.catch(() => undefined).finally(() => down.end());
  for await (const data of down) yield { data: data as Buffer };
  await served;
}

async function serve(
  sessions: SessionTable,
  head: Parameters<SessionTable["serve"]>[0],
  socket: Duplex,
  signal: AbortSignal,
): Promise<void> {
  const client = await GrpcClient.over(socket);
  try {
    await sessions.serve(head, client, signal);
  } finally {
    client.close();
  }
}

async function* dataOf(requests: AsyncIterable<Bytes>): AsyncGenerator<Buffer> {
  for await (const { data } of requests) yield Buffer.from(data);
}
