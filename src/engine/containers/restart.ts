import { isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { findContainer, publishContainerEvent } from "./find.ts";
import { startContainer } from "./start.ts";
import { stopContainer } from "./stop.ts";

/** Stops the container where it runs, and starts it. */
export async function restartContainer(
  context: EngineContext,
  reference: string,
  timeout: number | null,
  signalName: string | null,
  signal: AbortSignal,
): Promise<void> {
  const { id } = findContainer(context, reference);
  try {
    await stopContainer(context, id, timeout, signalName, signal);
  } catch (error) {
    if (!isDuetError(error, "unchanged")) throw error;
  }
  await startContainer(context, id, signal);
  publishContainerEvent(context, findContainer(context, id), "restart");
}
