import { isDigest } from "../../../domain/digest.ts";
import type { BuildRequest } from "../../../engine/build/build.ts";
import { DuetError } from "../../../kit/errors.ts";
import { imageOfStore } from "../session/content.ts";
import type { Session } from "../session/session.ts";
import type { CacheImport } from "./options.ts";

type Sources = BuildRequest["cacheFrom"];

/** Where results may be taken from. Caches of other kinds only save time, and are passed over. */
export async function cacheSources(
  session: Session,
  imports: readonly CacheImport[],
  signal: AbortSignal,
): Promise<Sources> {
  const found = await Promise.all(imports.map((one) => sourceOf(session, one, signal)));
  return found.flat();
}

async function sourceOf(
  session: Session,
  { type, attributes }: CacheImport,
  signal: AbortSignal,
): Promise<Sources> {
  if (type === "registry") {
    const reference = attributes.get("ref");
    return reference === undefined ? [] : [reference];
  }
  const folder = attributes.get("src");
  const digest = attributes.get("digest");
  if (type !== "local" || folder === undefined || !isDigest(digest)) return [];
  const wanted = { store: `local:${folder}`, digest, name: `the cache in ${folder}` };
  try {
    return [await imageOfStore(session, wanted, signal)];
  } catch (error) {
    signal.throwIfAborted();
    // One that is not there costs no more than doing the steps.
    if (error instanceof DuetError) return [];
    throw error;
  }
}
