import type { Digest } from "../../domain/digest.ts";
import type { ImageName, ImageRecord, Platform } from "../../domain/image.ts";
import { manifestKind, normalizePlatform } from "../../domain/manifest.ts";
import { hostPlatform } from "../../domain/registry.ts";
import type { EngineContext } from "../context.ts";

/*
 * A name that was pulled for several platforms keeps them side by side, as Docker's containerd store
 * does: `image` is what it means unasked, `variants` are the others of the same index.
 */

/** The name as it is to be stored when `image` came for it: beside what came of the same index before. */
export function withVariants(
  context: EngineContext,
  wanted: ImageName,
  image: ImageRecord,
): ImageName {
  const { images, imageNames } = context.store;
  const before = imageNames.get(wanted.name);
  const isSameIndex =
    before?.target.digest === wanted.target.digest &&
    manifestKind(wanted.target.mediaType) === "index";
  if (before === undefined || !isSameIndex) return wanted;
  const others = [before.image, ...(before.variants ?? [])]
    .filter((id) => id !== image.id)
    .flatMap((id) => images.get(id) ?? []);
  const all = [image, ...others];
  const main = all.find(({ platform }) => isPlatform(platform, hostPlatform)) ?? image;
  const variants = all.filter((one) => one !== main).map(({ id }) => id);
  return variants.length === 0 ? wanted : { ...wanted, image: main.id, variants };
}

/** All that is here of a name, what it means unasked first. */
export function imagesOfName(context: EngineContext, name: ImageName): readonly ImageRecord[] {
  return [name.image, ...(name.variants ?? [])].flatMap((id) => context.store.images.get(id) ?? []);
}

/** What a name has for a platform, where that is here. */
export function variantOf(
  context: EngineContext,
  name: ImageName,
  platform: Platform,
): ImageRecord | undefined {
  return imagesOfName(context, name).find((image) => isPlatform(image.platform, platform));
}

/** Images that only stand behind another one's name: no list shows them as images of their own. */
export function hiddenVariants(context: EngineContext): ReadonlySet<Digest> {
  const names = context.store.imageNames.list();
  const hidden = new Set(names.flatMap(({ variants }) => variants ?? []));
  for (const { image } of names) hidden.delete(image);
  return hidden;
}

/** The images that go with `names`, for nobody else names them. */
export function variantsOfAlone(
  context: EngineContext,
  names: readonly ImageName[],
): readonly ImageRecord[] {
  const gone = new Set(names.map(({ name }) => name));
  const others = context.store.imageNames.list().filter(({ name }) => !gone.has(name));
  const kept = new Set(others.flatMap(({ image, variants }) => [image, ...(variants ?? [])]));
  const ids = new Set(names.flatMap(({ variants }) => variants ?? []));
  return [...ids].filter((id) => !kept.has(id)).flatMap((id) => context.store.images.get(id) ?? []);
}

/** Without a variant named, any of the architecture will do. */
function isPlatform(platform: Platform, wanted: Platform): boolean {
  const have = normalizePlatform(platform);
  const want = normalizePlatform(wanted);
  if (have.os !== want.os || have.architecture !== want.architecture) return false;
  return want.variant === undefined || have.variant === want.variant;
}
