import type { Exchange } from "../exchange.ts";

/** `Builder-Version: 2` lets clients build over BuildKit's interface. */
export async function ping(exchange: Exchange): Promise<void> {
  exchange.header("Builder-Version", "2");
  exchange.header("Swarm", "inactive");
  exchange.header("Cache-Control", "no-cache, no-store, must-revalidate");
  exchange.header("Pragma", "no-cache");
  exchange.text(200, "text/plain; charset=utf-8", "OK");
}
