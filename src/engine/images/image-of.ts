import type { ContainerRecord } from "../../domain/container.ts";
import type { ImageRecord } from "../../domain/image.ts";
import type { EngineContext } from "../context.ts";

/** The image that a container was made from, also where it was removed by force since. */
export function imageOf(context: EngineContext, record: ContainerRecord): ImageRecord | undefined {
  return context.store.images.get(record.image) ?? record.removedImage;
}

/** The images that were made from this one here. */
export function childrenOf(context: EngineContext, image: ImageRecord): readonly ImageRecord[] {
  return context.store.images.list().filter(({ parent }) => parent === image.id);
}

/** Every image whose content is still needed: those that exist, and those that only containers have. */
export function keptImages(context: EngineContext): readonly ImageRecord[] {
  const removed = context.store.containers
    .list()
    .flatMap(({ removedImage }) => (removedImage === undefined ? [] : [removedImage]));
  return [...context.store.images.list(), ...removed];
}
