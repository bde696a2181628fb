import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type { TestContext } from "node:test";

export interface FakeRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly url: string;
  /** All requests that came, in order. */
  readonly requests: readonly IncomingMessage[];
}

export interface FakeOptions {
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly address?: string;
}

/** A registry on loopback that answers as a test says; ping is answered with 200. */
export async function fakeRegistry(
  context: TestContext,
  handler: RequestListener,
  options: FakeOptions = {},
): Promise<FakeRegistry> {
  const requests: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    if (
      request.url === "/v2/" &&
      request.headers.authorization === undefined &&
      !request.headers["x-no-ping"]
    ) {
      response.end();
      return;
    }
    requests.push(request);
    handler(request, response);
  };
  const server =
    options.tls === undefined ? createServer(listener) : createSecureServer(options.tls, listener);
  await listen(context, server, options.address ?? "127.0.0.1");
  const { address, port } = server.address() as AddressInfo;
  const host = `${address}:${port}`;
  return { host, url: `${options.tls === undefined ? "http" : "https"}://${host}`, requests };
}

async function listen(context: TestContext, server: Server, address: string): Promise<void> {
  server.listen(0, address);
  await once(server, "listening");
  context.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
}
