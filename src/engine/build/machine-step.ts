import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { Workload } from "../../domain/runtime.ts";
import type { EngineContext } from "../context.ts";
import { commitSession, type StepResult } from "./commit-step.ts";
import { topOf } from "./layer-stack.ts";

/** Makes a layer of what a step has changed on its machine's disk. The machine itself tells of it: another would have to start. */
export async function commitMachine(
  context: EngineContext,
  workload: Workload,
  step: StepResult,
  mountPoints: readonly string[],
  signal: AbortSignal,
): Promise<BuildCacheEntry> {
  const mounts = (await context.snapshotters.directory.view?.(topOf(step.below))) ?? [];
  await using base = await context.rootfs.open({ kind: "mounts", mounts, readonly: true }, signal);
  await using session = await workload.openRoot(signal);
  return await commitSession(context, step, { session, base, mountPoints }, signal);
}
