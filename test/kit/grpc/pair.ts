import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { GrpcClient } from "../../../src/kit/grpc/client.ts";
import { serveGrpc, type Served } from "../../../src/kit/grpc/server.ts";
import { createLog, type LogEvent } from "../../../src/kit/log.ts";

/** A client and a server of gRPC on the two ends of one connection. */
export class GrpcPair implements AsyncDisposable {
  readonly client: GrpcClient;
  readonly events: readonly LogEvent[];
  private readonly end: () => Promise<void>;

  private constructor(client: GrpcClient, events: readonly LogEvent[], end: () => Promise<void>) {
    this.client = client;
    this.events = events;
    this.end = end;
  }

  static async of(...served: readonly Served[]): Promise<GrpcPair> {
    const folder = await mkdtemp("/tmp/duet-grpc-");
    const events: LogEvent[] = [];
    const log = createLog("grpc", (event) => events.push(event));
    const methods = new Map(served.map((one) => [one.path, one]));
    const controller = new AbortController();
    const { promise: accepted, resolve } = Promise.withResolvers<Socket>();
    const listener = createServer(resolve);
    const path = join(folder, "s");
    await new Promise<void>((listening) => listener.listen(path, listening));
    const near = createConnection(path);
    const serving = serveGrpc(await accepted, methods, log, controller.signal);
    const client = await GrpcClient.over(near);
    return new GrpcPair(client, events, async () => {
      client.close();
      controller.abort(new Error("the test is over"));
      await serving;
      await new Promise<void>((closed) => listener.close(() => closed()));
      await rm(folder, { recursive: true });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}
