import type { Exchange } from "../exchange.ts";

/** `Builder-Version: 1` keeps clients from opening BuildKit sessions, which Duet does not serve. */
export async function ping(exchange: Exchange): Promise<void> {
  exchange.header("Builder-Version", "1");
  exchange.header("Swarm", "inactive");
  exchange.header("Cache-Control", "no-cache, no-store, must-revalidate");
  exchange.header("Pragma", "no-cache");
  exchange.text(200, "text/plain; charset=utf-8", "OK");
}
