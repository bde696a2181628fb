import type { InterfaceSetup } from "../../domain/network.ts";
import type { Workload, WorkloadNetwork } from "../../domain/runtime.ts";

/**
 * Creates a workload that is open and connects it, side by side, then tells it of its interfaces; one without
 * networks hears that it has none. Waits for both even when one fails, so that undo finds nothing half-made
 * under way. `created` is waited for before the telling.
 */
export async function createConnected<T extends { readonly setups: readonly InterfaceSetup[] }>(
  workload: Workload,
  network: WorkloadNetwork["kind"],
  connect: () => Promise<T>,
  signal: AbortSignal,
  created?: () => Promise<void>,
): Promise<T> {
  const [creation, connection] = await Promise.allSettled([workload.create(signal), connect()]);
  if (creation.status === "rejected") throw creation.reason;
  if (connection.status === "rejected") throw connection.reason;
  await created?.();
  const { setups } = connection.value;
  if (setups.length > 0 || network === "none") await workload.configureNetwork(setups, signal);
  return connection.value;
}
