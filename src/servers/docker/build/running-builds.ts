import type { Exchange } from "../exchange.ts";
import type { Handler } from "../router.ts";

/** Builds that `POST /build/cancel` ends, by the ids that clients gave them (`buildid`). */
export class RunningBuilds {
  private readonly running = new Map<string, Exchange>();

  async run(exchange: Exchange, build: Handler): Promise<void> {
    const id = exchange.query.text("buildid");
    if (id !== "") this.running.set(id, exchange);
    try {
      await build(exchange);
    } finally {
      if (this.running.get(id) === exchange) this.running.delete(id);
    }
  }

  /** As with Docker, an id that no build has is none of its business. */
  cancel(id: string): void {
    this.running.get(id)?.cancel("the build was canceled");
  }
}
