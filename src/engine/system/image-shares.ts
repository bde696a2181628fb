import type { Digest } from "../../domain/digest.ts";
import type { ImageName, ImageRecord } from "../../domain/image.ts";
import type { EngineContext } from "../context.ts";
import { rootsOfImages } from "../images/roots.ts";
import { sum } from "../images/store-room.ts";

/** What an image takes on disk: bytes. */
export interface DiskShare {
  /** Its layers unpacked and as registries have them, its disks. */
  readonly size: number;
  /** Bytes of that which are another image's. */
  readonly shared: number;
}

/**
 * What each image takes on disk. Of what several have, all tell a share, but for images that containers
 * have: each thing that these need is one of them's own. So what Docker's client calls reclaimable, all
 * less what those images have for themselves, is what removing the others gives back.
 */
export async function imageShares(
  context: EngineContext,
  used: ReadonlySet<Digest>,
  sizeOf: (thing: Digest) => number,
): Promise<ReadonlyMap<Digest, DiskShare>> {
  const images = context.store.images.list();
  const names = namesByImage(context);
  const things = new Map<ImageRecord, readonly Digest[]>();
  const owners = new Map<Digest, number>();
  for (const image of images) {
    const { blobs, chains } = await rootsOfImages(context, [image], names.get(image.id) ?? []);
    // The lowest layer, unpacked, has the digest of its blob where that came uncompressed.
    const own = [...blobs.union(chains)];
    things.set(image, own);
    for (const thing of own) owners.set(thing, (owners.get(thing) ?? 0) + 1);
  }
  const told = new Set<Digest>();
  const isShared = (image: ImageRecord, thing: Digest): boolean => {
    if ((owners.get(thing) ?? 0) < 2) return false;
    if (!used.has(image.id) || told.has(thing)) return true;
    told.add(thing);
    return false;
  };
  return new Map(
    [...things].map(([image, own]) => {
      const shared = own.filter((thing) => isShared(image, thing));
      return [image.id, { size: sum(own.map(sizeOf)), shared: sum(shared.map(sizeOf)) }];
    }),
  );
}

function namesByImage(context: EngineContext): ReadonlyMap<Digest, readonly ImageName[]> {
  const names = new Map<Digest, ImageName[]>();
  for (const name of context.store.imageNames.list()) {
    for (const id of [name.image, ...(name.variants ?? [])]) {
      const own = names.get(id);
      if (own === undefined) names.set(id, [name]);
      else own.push(name);
    }
  }
  return names;
}
