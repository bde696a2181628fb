import type { Digest } from "../../domain/digest.ts";
import type { ContainerRecord } from "../../domain/container.ts";
import type { Descriptor, ImageName, ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { isAttestation } from "../../domain/platform.ts";
import { rootsOf } from "../build/build-work.ts";
import type { EngineContext } from "../context.ts";
import { otherManifests } from "./as-named.ts";
import { keptImages } from "./image-of.ts";
import { namedEntries, namedParts } from "./named-parts.ts";

/** Blobs and unpacked layers that something needs. */
export interface Roots {
  readonly blobs: Set<Digest>;
  readonly chains: Set<Digest>;
}

/** What images, builds, containers and live leases need. */
export async function findRoots(context: EngineContext): Promise<Roots> {
  const { store } = context;
  // Images without a name stay until they are removed, as Docker's dangling ones.
  const roots = await rootsOfImages(context, keptImages(context), store.imageNames.list());
  addBuilds(context, roots);
  addMounted(roots, store.containers.list());
  for (const lease of context.collection.leased) {
    for (const blob of lease.blobs) roots.blobs.add(blob);
    for (const chain of lease.chains) roots.chains.add(chain);
  }
  return roots;
}

/** What these images need, and the indexes that names are of. */
export async function rootsOfImages(
  context: EngineContext,
  images: readonly ImageRecord[],
  names: readonly ImageName[],
): Promise<Roots> {
  const roots: Roots = { blobs: new Set(), chains: new Set() };
  const byId = new Map(images.map((image) => [image.id, image]));
  for (const name of names) {
    await addIndex(context, roots, name.target);
    for (const { manifest, layers } of await otherManifests(context, name, byId)) {
      roots.blobs.add(manifest.digest);
      for (const layer of layers) roots.blobs.add(layer.digest);
    }
  }
  for (const image of images) {
    roots.blobs.add(image.manifest.digest).add(image.id);
    for (const layer of image.layers) roots.blobs.add(layer.digest);
    for (const chain of chainIds(image.diffIds)) roots.chains.add(chain);
  }
  return roots;
}

/** Adds what the cache of builds has, and what those that run now hold. */
export function addBuilds(context: EngineContext, roots: Roots): void {
  for (const entry of context.store.buildCache.list()) addStack(roots, rootsOf(entry));
  addStack(roots, context.builds.held());
}

/** Adds the images that containers have mounted. */
export function addMounted(roots: Roots, containers: readonly ContainerRecord[]): void {
  for (const { mounts } of containers) {
    for (const { layers } of mounts) {
      for (const chain of chainIds(layers ?? [])) roots.chains.add(chain);
    }
  }
}

function addStack(roots: Roots, stack: ReturnType<typeof rootsOf>): void {
  for (const { blob, chain } of stack) {
    roots.blobs.add(blob);
    roots.chains.add(chain);
  }
}

async function addIndex(context: EngineContext, roots: Roots, target: Descriptor): Promise<void> {
  roots.blobs.add(target.digest);
  for (const entry of (await namedEntries(context, target)) ?? []) {
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
  const parts = await namedParts(context, entry);
  if (parts === undefined) return;
  for (const blob of [parts.config, ...parts.layers]) roots.blobs.add(blob.digest);
}
