import { randomBytes } from "node:crypto";
import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { Descriptor } from "../../domain/image.ts";
import { layerMediaType } from "../../domain/write-image.ts";
import type { RootfsSession } from "../../domain/rootfs.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import { storeLayer } from "../images/store-layer.ts";
import { ensureStack } from "./build-cache.ts";
import { layerStackOf, topOf, type LayerStack } from "./layer-stack.ts";

/** What is to become of what a step has written. */
export interface StepResult {
  readonly key: BuildCacheEntry["key"];
  readonly description: string;
  readonly parents: BuildCacheEntry["parents"];
  /** What the step stands on; for a layer of its own, what it is put on. */
  readonly below: LayerStack;
  /** A layer that does not look at what is below. */
  readonly alone: boolean;
  /** Seconds since the epoch, or null. */
  readonly epoch: number | null;
}

/** A writable root of a step's own; it goes with the scope. */
export async function stepRoot(
  context: EngineContext,
  scope: Scope,
  kind: "directory" | "block",
  below: LayerStack,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly root: RootSource }> {
  await ensureStack(context, below, signal);
  const name = `build-${randomBytes(16).toString("hex")}`;
  const snapshotter = context.snapshotters[kind];
  scope.defer(() => void context.builds.written.delete(name));
  scope.defer((until) => snapshotter.remove(name, until));
  const root = await snapshotter.prepare(name, topOf(below), signal);
  await failpoint("build.root");
  return { name, root };
}

/** Makes a layer of what was written to a folder root, and an entry of the cache. */
export async function commitFolder(
  context: EngineContext,
  step: StepResult,
  written: {
    readonly name: string;
    readonly root: RootSource;
    /** Places that a runtime has mounted on; null where none ran. */
    readonly mountPoints: readonly string[] | null;
    /** On the root, where there is one already; it goes with the commit. */
    readonly session?: RootfsSession;
  },
  signal: AbortSignal,
): Promise<BuildCacheEntry> {
  const { root, mountPoints, name } = written;
  return await context.collection.keep(signal, async () => {
    await using session = written.session ?? (await folderSession(context, root, signal));
    if (mountPoints !== null) await session.removeMountPoints(mountPoints, signal);
    const made = await makeLayer(context, step, session, undefined, signal);
    const { directory } = context.snapshotters;
    // From here on the layer counts.
    context.builds.written.delete(name);
    // With times cut off, what lies in the folder is not what the layer says; and a layer of its own knows
    // nothing of the root that it is put on.
    if (step.epoch === null && !step.alone && directory.adopt !== undefined) {
      const chain = topOf(made.stack)!;
      const layer = { chain, parent: topOf(step.below), size: made.size, entries: made.entries };
      await directory.adopt(name, layer, signal);
    } else await ensureStack(context, made.stack, signal);
    await failpoint("build.adopted");
    return record(context, step, made);
  });
}

/** A session on a folder root as it is. */
export async function folderSession(
  context: EngineContext,
  root: RootSource,
  signal: AbortSignal,
): Promise<RootfsSession> {
  const mounts = root.kind === "directory" ? root.mounts : [];
  return await context.rootfs.open({ kind: "mounts", mounts, readonly: true }, signal);
}

interface MachineRoot {
  readonly session: RootfsSession;
  readonly base: RootfsSession;
  readonly mountPoints: readonly string[];
}

/** The same for a root of another kind, told of by a session on it and one on what it was made from. */
export async function commitSession(
  context: EngineContext,
  step: StepResult,
  { session, base, mountPoints }: MachineRoot,
  signal: AbortSignal,
): Promise<BuildCacheEntry> {
  return await context.collection.keep(signal, async () => {
    await session.removeMountPoints(mountPoints, signal, base);
    const made = await makeLayer(context, step, session, base, signal);
    await ensureStack(context, made.stack, signal);
    await failpoint("build.adopted");
    return record(context, step, made);
  });
}

interface MadeLayer {
  readonly stack: LayerStack;
  readonly own: LayerStack;
  readonly size: number;
  readonly entries: number;
}

async function makeLayer(
  context: EngineContext,
  step: StepResult,
  session: RootfsSession,
  base: RootfsSession | undefined,
  signal: AbortSignal,
): Promise<MadeLayer> {
  let entries = 0;
  let size = 0;
  const tar = session.layer(signal, base, {
    latestTime: step.epoch,
    members: (count, bytes) => {
      entries += count;
      size += bytes;
    },
  });
  const layer = await storeLayer(context, tar, signal);
  await failpoint("build.layer");
  const descriptor: Descriptor = { mediaType: layerMediaType("oci"), ...layer.descriptor };
  const own = { layers: [descriptor], diffIds: [layer.diffId] };
  const stack = layerStackOf(step.below, descriptor, layer.diffId);
  return { stack, own, size, entries };
}

function record(context: EngineContext, step: StepResult, made: MadeLayer): BuildCacheEntry {
  const now = Date.now();
  const stack = step.alone ? made.own : made.stack;
  const entry: BuildCacheEntry = {
    ...{ key: step.key, kind: "regular", description: step.description, parents: step.parents },
    ...{ layers: stack.layers, diffIds: stack.diffIds, size: made.size },
    ...{ createdAt: now, usedAt: now, useCount: 1 },
    ...(step.epoch === null ? {} : { epoch: step.epoch }),
  };
  const isOther = context.store.buildCache.get(step.key) !== undefined;
  if (isOther) context.builds.noteReplaced();
  // The image made of it is flushed, and this with it; the layer of another may be removed from here on.
  const durability = isOther ? "now" : "soon";
  context.store.transaction(() => context.store.buildCache.put(entry), durability);
  return entry;
}
