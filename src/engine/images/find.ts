import type { Digest } from "../../domain/digest.ts";
import { digestHex, isDigest } from "../../domain/digest.ts";
import type { ImageName, ImageRecord, Platform } from "../../domain/image.ts";
import { formatReference, parseReference, isBareName } from "../../domain/reference.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { variantOf } from "./variants.ts";

export interface FoundImage {
  readonly image: ImageRecord;
  readonly names: readonly ImageName[];
  /** The name it was found by, or null where an id was given. */
  readonly matched: ImageName | null;
}

export function namesOf(context: EngineContext, image: Digest): readonly ImageName[] {
  return context.store.imageNames.list().filter((name) => name.image === image);
}

/**
 * By name, name and digest, id, or an unambiguous prefix of an id's digits. A name wins over an id
 * prefix, as in Docker. Throws `not-found` IMAGE_NOT_FOUND, `invalid` ID_AMBIGUOUS or
 * REFERENCE_INVALID. Of a name that is here for several platforms `platform` chooses one, where it is here.
 */
export function findImage(
  context: EngineContext,
  reference: string,
  platform: Platform | null = null,
): FoundImage {
  const found = findAny(context, reference);
  const { matched } = found;
  if (platform === null || matched === null) return found;
  return { ...found, image: variantOf(context, matched, platform) ?? found.image };
}

function findAny(context: EngineContext, reference: string): FoundImage {
  const byId = findById(context, reference);
  if (byId !== undefined && isDigest(reference)) return byId;
  const byName = findByName(context, reference);
  const found = byName ?? byId ?? findByPrefix(context, reference);
  if (found !== undefined) return found;
  parseReference(reference);
  throw new DuetError("not-found", "IMAGE_NOT_FOUND", `No such image: ${withTag(reference)}`, {
    subject: `image ${reference}`,
    hint: "pull it first, or list images with `images`",
  });
}

function withTag(reference: string): string {
  return isBareName(reference) ? `${reference}:latest` : reference;
}

function findById(context: EngineContext, reference: string): FoundImage | undefined {
  const id = /^[0-9a-f]{64}$/.test(reference) ? `sha256:${reference}` : reference;
  if (!isDigest(id)) return undefined;
  const image = context.store.images.get(id);
  if (image !== undefined) return { image, names: namesOf(context, image.id), matched: null };
  const name = context.store.imageNames.list().find((entry) => entry.target.digest === id);
  const target = name === undefined ? undefined : context.store.images.get(name.image);
  return target === undefined
    ? undefined
    : { image: target, names: namesOf(context, target.id), matched: null };
}

function findByName(context: EngineContext, reference: string): FoundImage | undefined {
  const parsed = tryParse(reference);
  if (parsed === undefined) return undefined;
  const exact = context.store.imageNames.get(formatReference(parsed));
  const name =
    exact ??
    (parsed.digest === null
      ? undefined
      : context.store.imageNames
          .list()
          .find(
            (entry) =>
              entry.target.digest === parsed.digest &&
              formatReference({ ...parseReference(entry.name), tag: "", digest: parsed.digest }) ===
                formatReference({ ...parsed, tag: "" }),
          ));
  if (name === undefined) return undefined;
  const image = context.store.images.get(name.image);
  return image === undefined
    ? undefined
    : { image, names: namesOf(context, image.id), matched: name };
}

function tryParse(reference: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(reference);
  } catch (error) {
    if (isDuetError(error, "invalid")) return undefined;
    throw error;
  }
}

function findByPrefix(context: EngineContext, reference: string): FoundImage | undefined {
  const digits = reference.replace(/^sha256:/, "");
  if (!/^[0-9a-f]{4,63}$/.test(digits)) return undefined;
  const matches = context.store.images
    .list()
    .filter((image) => digestHex(image.id).startsWith(digits));
  if (matches.length > 1) {
    throw new DuetError("invalid", "ID_AMBIGUOUS", `multiple images match the prefix ${digits}`, {
      hint: "give more digits of the id",
    });
  }
  const image = matches[0];
  return image === undefined
    ? undefined
    : { image, names: namesOf(context, image.id), matched: null };
}
