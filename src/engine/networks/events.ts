import type { NetworkRecord } from "../../domain/network.ts";
import type { EngineContext } from "../context.ts";

export function publishNetworkEvent(
  context: EngineContext,
  network: NetworkRecord,
  action: string,
  container = "",
): void {
  context.events.publish({
    type: "network",
    action,
    id: network.id,
    attributes: {
      name: network.spec.name,
      type: network.spec.driver === "none" ? "null" : network.spec.driver,
      ...(container === "" ? {} : { container }),
    },
  });
}
