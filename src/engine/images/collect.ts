import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { chainIds, manifestKind, parseIndex, parseManifestParts } from "../../domain/manifest.ts";
import { isAttestation } from "../../domain/platform.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { rootsOf } from "../build/build-work.ts";
import type { EngineContext } from "../context.ts";
import { keptImages } from "./image-of.ts";

const maximumManifest = 4 << 20;
const collectMilliseconds = 600_000;

interface Roots {
  readonly blobs: Set<Digest>;
  readonly chains: Set<Digest>;
}

/**
 * Removes every blob and layer that no image or live lease needs; gives the bytes of blobs freed.
 * While an archive is being loaded this is put off to its end, and gives 0. Idempotent: whatever a
 * crash left is garbage for the next run. A client that goes away does not stop it.
 */
export async function collectGarbage(context: EngineContext): Promise<number> {
  const freed = await context.collection.collect(() =>
    collect(context, withDeadline(never, collectMilliseconds, "garbage collection")),
  );
  return freed ?? 0;
}

async function collect(context: EngineContext, signal: AbortSignal): Promise<number> {
  if (context.store.salvaged) {
    // Images whose records were lost look unused.
    context.log.warn("garbage-kept", { why: "the state was salvaged" });
    return 0;
  }
  const roots = await findRoots(context);
  await failpoint("collect.roots");
  for (const snapshotter of [context.snapshotters.block, context.snapshotters.directory]) {
    const present = await snapshotter.list();
    for (const chain of present.committed) {
      if (!roots.chains.has(chain)) await snapshotter.removeCommitted(chain, signal);
    }
  }
  let freed = 0;
  for await (const blob of context.content.list()) {
    signal.throwIfAborted();
    if (roots.blobs.has(blob.digest)) continue;
    await context.content.delete(blob.digest);
    freed += blob.size;
  }
  return freed;
}

/** Writable roots without a container: only at start of the daemon, when no create is under way. */
export async function collectWritable(context: EngineContext, signal: AbortSignal): Promise<void> {
  for (const snapshotter of [context.snapshotters.block, context.snapshotters.directory]) {
    const present = await snapshotter.list();
    for (const key of present.writable) {
      if (context.store.containers.get(key) === undefined) await snapshotter.remove(key, signal);
    }
  }
}

async function findRoots(context: EngineContext): Promise<Roots> {
  const { store } = context;
  const roots: Roots = { blobs: new Set(), chains: new Set() };
  for (const name of store.imageNames.list()) await addIndex(context, roots, name.target);
  // Images without a name stay until they are removed, as Docker's dangling ones.
  for (const image of keptImages(context)) {
    roots.blobs.add(image.manifest.digest).add(image.id);
    for (const layer of image.layers) roots.blobs.add(layer.digest);
    for (const chain of chainIds(image.diffIds)) roots.chains.add(chain);
  }
  for (const entry of store.buildCache.list()) addStack(roots, rootsOf(entry));
  addStack(roots, context.builds.held());
  for (const { mounts } of store.containers.list()) {
    for (const { layers } of mounts) {
      for (const chain of chainIds(layers ?? [])) roots.chains.add(chain);
    }
  }
  const now = Date.now();
  for (const lease of store.leases.list()) {
    if (lease.expiresAt < now) continue;
    for (const blob of lease.blobs) roots.blobs.add(blob);
    for (const chain of lease.chains) roots.chains.add(chain);
  }
  return roots;
}

function addStack(roots: Roots, stack: ReturnType<typeof rootsOf>): void {
  for (const { blob, chain } of stack) {
    roots.blobs.add(blob);
    roots.chains.add(chain);
  }
}

async function addIndex(
  context: EngineContext,
  roots: Roots,
  target: { readonly digest: Digest; readonly mediaType: string },
): Promise<void> {
  roots.blobs.add(target.digest);
  if (manifestKind(target.mediaType) !== "index") return;
  if ((await context.content.size(target.digest)) === undefined) return;
  const bytes = await context.content.read(target.digest, maximumManifest);
  for (const entry of parseIndex(bytes, target.mediaType).manifests) {
    roots.blobs.add(entry.digest);
    if (isAttestation(entry)) await addAttestation(context, roots, entry);
  }
}

/** What no image has, but who pushes the index must have. */
async function addAttestation(
  context: EngineContext,
  roots: Roots,
  entry: Descriptor,
): Promise<void> {
  if (manifestKind(entry.mediaType) !== "manifest") return;
  if ((await context.content.size(entry.digest)) === undefined) return;
  const bytes = await context.content.read(entry.digest, maximumManifest);
  const { config, layers } = parseManifestParts(bytes, entry.mediaType);
  for (const blob of [config, ...layers]) roots.blobs.add(blob.digest);
}
