import type { ChainId, ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { runtimeOf } from "../containers/runtime-of.ts";
import type { EngineContext } from "../context.ts";
import type { DiskUsage, DiskUser } from "../engine.ts";
import { imageOf } from "../images/image-of.ts";
import { namesOf } from "../images/find.ts";
import { volumeUsers } from "../volumes/volumes.ts";
import { folderSize } from "./folder-size.ts";

const everything: ReadonlySet<DiskUser> = new Set(["image", "container", "volume"]);

/** What images, containers and volumes take on disk. */
export async function diskUsage(
  context: EngineContext,
  signal: AbortSignal,
  only: ReadonlySet<DiskUser> = everything,
): Promise<DiskUsage> {
  const [images, containers, volumes] = await Promise.all([
    only.has("image") ? imageUsage(context) : { layers: 0, images: [] },
    only.has("container") ? containerUsage(context) : [],
    only.has("volume") ? volumeUsage(context, signal) : [],
  ]);
  return { ...images, containers, volumes };
}

/** A layer is shared where another image has it over the same layers: then it is on disk once. */
async function imageUsage(context: EngineContext): Promise<Pick<DiskUsage, "layers" | "images">> {
  const { store } = context;
  const images = store.images.list();
  const containers = store.containers.list();
  const owners = new Map<ChainId, number>();
  for (const image of images) {
    for (const chain of chainIds(image.diffIds)) owners.set(chain, (owners.get(chain) ?? 0) + 1);
  }
  const sizes = new Map<ChainId, number>();
  for (const chain of owners.keys()) sizes.set(chain, await layerSize(context, chain));
  const shared = (image: ImageRecord): number =>
    chainIds(image.diffIds)
      .filter((chain) => (owners.get(chain) ?? 0) > 1)
      .reduce((total, chain) => total + (sizes.get(chain) ?? 0), 0);
  return {
    layers: [...sizes.values()].reduce((total, size) => total + size, 0),
    images: images.map((image) => ({
      image,
      names: namesOf(context, image.id),
      containers: containers.filter((record) => record.image === image.id).length,
      shared: shared(image),
    })),
  };
}

async function layerSize(context: EngineContext, chain: ChainId): Promise<number> {
  return (await context.snapshotters.directory.committedSize?.(chain)) ?? 0;
}

async function containerUsage(context: EngineContext): Promise<DiskUsage["containers"]> {
  const { store } = context;
  return await Promise.all(
    store.containers.list().map(async (record) => {
      const { rootKind } = runtimeOf(context, record.spec.isolation);
      // One that is removed meanwhile has nothing.
      const writable = await context.snapshotters[rootKind].usage(record.id).catch(() => 0);
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
