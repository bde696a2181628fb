import type { Handler, Route } from "../docker/router.ts";
import type { Exchange } from "../docker/exchange.ts";
import { invalid } from "../docker/failures.ts";
import { controlMethods } from "./control.ts";
import { gatewayMethods } from "./gateway.ts";
import type { BuildKit } from "./service.ts";
import { buildOverSession } from "./session-build.ts";
import { readSessionHead } from "./session/session-head.ts";
import { GrpcClient } from "../../kit/grpc/client.ts";
import { serveGrpc, type Served } from "../../kit/grpc/server.ts";

/**
 * The ways that BuildKit's clients come in by: to call us, to be called, and the older one for both. `classic` is
 * the builder of before, which has the same path.
 */
export function buildkitRoutes(kit: BuildKit, classic: Handler): readonly Route[] {
  const served = [...controlMethods(kit), ...gatewayMethods(kit)];
  const methods = new Map<string, Served>(served.map((one) => [one.path, one]));
  return [
    {
      method: "POST",
      path: "/build",
      handle: (exchange) => {
        const isNew = exchange.query.text("version") === "2";
        return kit.running.run(exchange, isNew ? (one) => buildOverSession(kit, one) : classic);
      },
    },
    {
      method: "POST",
      path: "/build/cancel",
      handle: async (exchange) => {
        const id = exchange.query.text("id");
        if (id === "") throw invalid("build ID not provided");
        kit.running.cancel(id);
        exchange.empty(200);
      },
    },
    {
      method: "POST",
      path: "/grpc",
      hijack: true,
      handle: async (exchange) => {
        checkUpgrade(exchange);
        const socket = await exchange.upgrade("h2c");
        await serveGrpc(socket, methods, exchange.log, exchange.signal);
      },
    },
    {
      method: "POST",
      path: "/session",
      hijack: true,
      handle: async (exchange) => {
        checkUpgrade(exchange);
        const { headers } = exchange;
        // node:http joins what comes several times.
        const head = readSessionHead((name) => String(headers[name] ?? "").split(", "));
        const socket = await exchange.upgrade("h2c");
        const client = await GrpcClient.over(socket);
        try {
          await kit.sessions.serve(head, client, exchange.signal);
        } finally {
          client.close();
        }
      },
    },
  ];
}

function checkUpgrade({ headers }: Exchange): void {
  if (headers.upgrade === undefined) throw invalid("no upgrade proto in request");
  if (headers.upgrade.toLowerCase() === "h2c") return;
  throw invalid("this path is for connections that upgrade to h2c");
}
