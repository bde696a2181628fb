import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { pathToFileURL } from "node:url";

/** What a proxy was asked: method and target, such as `CONNECT registry.test:443`. */
export type Asked = (line: string) => void;

/**
 * A small HTTP proxy on 127.0.0.1 that lets in only "user", "p@ss" and leads every name to the one port
 * `port` of 127.0.0.1. Gives its port and its end.
 */
export async function startProxy(
  port: number,
  own: number,
  asked: Asked,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const credentials = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
  const mayPass = (message: IncomingMessage): boolean =>
    message.headers["proxy-authorization"] === credentials;
  const forward = (message: IncomingMessage, response: ServerResponse): void => {
    asked(`${message.method} ${message.url}`);
    if (!mayPass(message)) {
      response.writeHead(407, { "proxy-authenticate": "Basic" }).end();
      return;
    }
    const { pathname, search } = new URL(message.url ?? "");
    const { "proxy-authorization": _, ...headers } = message.headers;
    const onward = request(
      { port, host: "127.0.0.1", method: message.method, path: pathname + search, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on("error", () => response.destroy());
    message.pipe(onward);
  };
  const server = createServer(forward);
  const sockets = new Set<Socket>();
  server.on("connect", (message: IncomingMessage, socket: Socket) => {
    asked(`CONNECT ${message.url}`);
    if (!mayPass(message)) {
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n");
      return;
    }
    const onward = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on("error", () => undefined).on("close", () => socket.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(own, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// As a program: `http-proxy.ts PORT OWN-PORT`, which prints what it was asked on standard error.
if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await startProxy(Number(process.argv[2]), Number(process.argv[3]), (line) => console.error(line));
  console.error("listening on");
}
