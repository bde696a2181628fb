import type { Route } from "../docker/router.ts";

/** Duet's own API: what Docker has no word for. JSON, strict, under /duet/v1. */
export const nativeRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/duet/v1/info",
    handle: async (exchange) => {
      exchange.answer(200, await exchange.engine.system.info(exchange.signal));
    },
  },
];
