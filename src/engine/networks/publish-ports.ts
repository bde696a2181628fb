import type { ContainerRecord } from "../../domain/container.ts";
import type { PortBinding, PublishedPort } from "../../domain/network.ts";
import { prefixed } from "../../kit/errors.ts";
import type { NetworkLink } from "../containers/network-files.ts";
import type { EngineContext } from "../context.ts";

/** Publishes ports of a connected endpoint; failures are told in Docker's words. */
export async function publishPorts(
  context: EngineContext,
  record: ContainerRecord,
  { network, endpoint }: NetworkLink,
  bindings: readonly PortBinding[],
  signal: AbortSignal,
): Promise<readonly PublishedPort[]> {
  try {
    return await context.network.publish(network, endpoint, bindings, signal);
  } catch (error) {
    const where = `${record.name} (${endpoint.id})`;
    throw prefixed(`driver failed programming external connectivity on endpoint ${where}`, error);
  }
}
