import { never, withDeadline } from "../../kit/abort.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Snapshotter } from "../../domain/snapshot.ts";
import type { EngineContext } from "../context.ts";
import { tellNamedManifests } from "./as-named.ts";
import { findRoots } from "./roots.ts";

const collectMilliseconds = 600_000;

/**
 * Removes every blob, layer and disk that no image or live lease needs; gives the bytes freed. While an
 * archive is being loaded this is put off to its end, and gives undefined. Idempotent: whatever a crash
 * left is garbage for the next run. A client that goes away does not stop it.
 */
export async function collectGarbage(context: EngineContext): Promise<number | undefined> {
  return await context.collection.collect(() =>
    collect(context, withDeadline(never, collectMilliseconds, "garbage collection")),
  );
}

async function collect(context: EngineContext, signal: AbortSignal): Promise<number> {
  if (context.store.salvaged) {
    // Images whose records were lost look unused.
    context.log.warn("garbage-kept", { why: "the state was salvaged" });
    return 0;
  }
  await tellNamedManifests(context);
  const roots = await findRoots(context);
  await failpoint("collect.roots");
  let freed = 0;
  for (const snapshotter of allSnapshotters(context)) {
    const present = await snapshotter.list();
    for (const chain of present.committed) {
      if (roots.chains.has(chain)) continue;
      const size = await snapshotter.committedSize(chain);
      await snapshotter.removeCommitted(chain, signal);
      freed += size;
    }
  }
  for await (const blob of context.content.list()) {
    signal.throwIfAborted();
    if (roots.blobs.has(blob.digest)) continue;
    await context.content.delete(blob.digest);
    freed += blob.size;
  }
  return freed;
}

/** Those that make something of layers before those that hold them. */
function allSnapshotters({ snapshotters }: EngineContext): readonly Snapshotter[] {
  return [snapshotters.machine, snapshotters.block, snapshotters.directory];
}

/** Writable roots without a container: only at start of the daemon, when no create is under way. */
export async function collectWritable(context: EngineContext, signal: AbortSignal): Promise<void> {
  for (const snapshotter of allSnapshotters(context)) {
    const present = await snapshotter.list();
    for (const key of present.writable) {
      if (context.store.containers.get(key) === undefined) await snapshotter.remove(key, signal);
    }
  }
}
