import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { Runtime } from "../../domain/runtime.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import type { EngineContext } from "../context.ts";
import { commitSession, type StepResult } from "./commit-step.ts";
import { topOf } from "./layer-stack.ts";

/** Makes a layer of what a step has changed on its machine's disk. A machine without a workload tells of it. */
export async function commitMachine(
  context: EngineContext,
  runtime: Runtime,
  step: StepResult,
  { root, mountPoints }: { readonly root: RootSource; readonly mountPoints: readonly string[] },
  signal: AbortSignal,
): Promise<BuildCacheEntry> {
  const mounts = (await context.snapshotters.directory.view?.(topOf(step.below))) ?? [];
  await using base = await context.rootfs.open({ kind: "mounts", mounts, readonly: true }, signal);
  await using session = await runtime.openRoot(root, signal);
  return await commitSession(context, step, { session, base, mountPoints }, signal);
}
