import type { ProcessList } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { findContainer, publishContainerEvent, refuseRestarting } from "./find.ts";

/** The container's processes, as `ps` with these words shows them. */
export async function listProcesses(
  context: EngineContext,
  reference: string,
  psArguments: readonly string[],
  signal: AbortSignal,
): Promise<ProcessList> {
  const record = findContainer(context, reference);
  refuseRestarting(record);
  if (record.state !== "running" && record.state !== "paused") {
    throw new DuetError("conflict", "NOT_RUNNING", `container ${record.id} is not running`);
  }
  const list = await context.live.demand(record.id).processes(psArguments, signal);
  publishContainerEvent(context, record, "top");
  return list;
}
