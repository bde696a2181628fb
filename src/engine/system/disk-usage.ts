import type { Digest } from "../../domain/digest.ts";
import type { ChainId, ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { snapshotterOf } from "../containers/root-kind.ts";
import type { EngineContext } from "../context.ts";
import type { DiskUsage, DiskUser } from "../engine.ts";
import { namesOf } from "../images/find.ts";
import { imageOf, keptImages } from "../images/image-of.ts";
import { addBuilds, addMounted, rootsOfImages, type Roots } from "../images/roots.ts";
import { committedSizes, storedNow, sum } from "../images/store-room.ts";
import { volumeUsers } from "../volumes/volumes.ts";
import { folderSize } from "./folder-size.ts";
import { imageShares } from "./image-shares.ts";

const nothingStored: DiskUsage["storage"] = {
  layers: 0,
  blobs: 0,
  disks: 0,
  ingests: 0,
  reclaimable: 0,
};
const everything: ReadonlySet<DiskUser> = new Set(["image", "container", "volume"]);

/** What images, containers and volumes take on disk. */
export async function diskUsage(
  context: EngineContext,
  signal: AbortSignal,
  only: ReadonlySet<DiskUser> = everything,
): Promise<DiskUsage> {
  const [images, containers, volumes] = await Promise.all([
    only.has("image") ? imageUsage(context) : { storage: nothingStored, images: [] },
    only.has("container") ? containerUsage(context) : [],
    only.has("volume") ? volumeUsage(context, signal) : [],
  ]);
  return { ...images, containers, volumes };
}

/**
 * A layer is shared where another image has it over the same layers: then it is on disk once. What only the
 * cache of builds has is told there.
 */
async function imageUsage(context: EngineContext): Promise<Pick<DiskUsage, "storage" | "images">> {
  const { store } = context;
  const images = store.images.list();
  const containers = store.containers.list();
  const owners = new Map<ChainId, number>();
  for (const image of images) {
    for (const chain of chainIds(image.diffIds)) owners.set(chain, (owners.get(chain) ?? 0) + 1);
  }
  const { blobs, layers } = await storedNow(context);
  const disks = await diskSizes(context);
  const ofBuilds = await rootsOfBuildsAlone(context);
  const isTold = ([digest]: readonly [Digest, number]): boolean => !ofBuilds.has(digest);
  const told = (sizes: ReadonlyMap<Digest, number>): number =>
    sum(new Map([...sizes].filter(isTold)).values());
  const storage = {
    layers: told(layers),
    blobs: told(blobs),
    disks: told(disks),
    ingests: await context.content.ingestBytes(),
  };
  const needed = await rootsOfUsed(context);
  const idle = (sizes: ReadonlyMap<Digest, number>, roots: ReadonlySet<Digest>): number =>
    told(new Map([...sizes].filter(([digest]) => !roots.has(digest))));
  const reclaimable =
    idle(layers, needed.chains) + idle(disks, needed.chains) + idle(blobs, needed.blobs);
  const shared = (image: ImageRecord): number =>
    sum(
      chainIds(image.diffIds)
        .filter((chain) => (owners.get(chain) ?? 0) > 1)
        .map((chain) => layers.get(chain) ?? 0),
    );
  const used = new Set(containers.map(({ image }) => image));
  const shares = await imageShares(
    context,
    used,
    (thing) => (layers.get(thing) ?? 0) + (disks.get(thing) ?? 0) + (blobs.get(thing) ?? 0),
  );
  return {
    storage: { ...storage, reclaimable },
    images: images.map((image) => ({
      image,
      onDisk: shares.get(image.id) ?? { size: image.size, shared: 0 },
      names: namesOf(context, image.id),
      containers: containers.filter((record) => record.image === image.id).length,
      shared: shared(image),
    })),
  };
}

/** Blobs and layers of the cache of builds that no image has. */
async function rootsOfBuildsAlone(context: EngineContext): Promise<ReadonlySet<Digest>> {
  const ofImages = await rootsOfImages(
    context,
    keptImages(context),
    context.store.imageNames.list(),
  );
  const ofBuilds: Roots = { blobs: new Set(), chains: new Set() };
  addBuilds(context, ofBuilds);
  return new Set([
    ...ofBuilds.blobs.difference(ofImages.blobs),
    ...ofBuilds.chains.difference(ofImages.chains),
  ]);
}

/** What stays where every image without a container is removed. */
async function rootsOfUsed(context: EngineContext): Promise<Roots> {
  const { store } = context;
  const containers = store.containers.list();
  const used = new Set(containers.map(({ image }) => image));
  const images = keptImages(context).filter(({ id }) => used.has(id));
  const names = store.imageNames.list().filter(({ image }) => used.has(image));
  const roots = await rootsOfImages(context, images, names);
  addBuilds(context, roots);
  addMounted(roots, containers);
  return roots;
}

/** Bytes of the disks that VMs are made over, of both kinds. */
async function diskSizes({ snapshotters }: EngineContext): Promise<ReadonlyMap<ChainId, number>> {
  const sizes = new Map(await committedSizes(snapshotters.block));
  for (const [chain, size] of await committedSizes(snapshotters.machine))
    sizes.set(chain, (sizes.get(chain) ?? 0) + size);
  return sizes;
}

async function containerUsage(context: EngineContext): Promise<DiskUsage["containers"]> {
  const { store } = context;
  return await Promise.all(
    store.containers.list().map(async (record) => {
      // One that is removed meanwhile has nothing.
      const writable = await snapshotterOf(context, record)
        .usage(record.id)
        .catch(() => 0);
      return { record, writable, root: writable + (imageOf(context, record)?.size ?? 0) };
    }),
  );
}

async function volumeUsage(
  context: EngineContext,
  signal: AbortSignal,
): Promise<DiskUsage["volumes"]> {
  return await Promise.all(
    context.store.volumes.list().map(async (volume) => ({
      volume,
      size: await folderSize(volume.mountpoint, signal),
      users: volumeUsers(context, volume).length,
    })),
  );
}
