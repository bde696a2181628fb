import { resolve } from "node:path";
import type { BuildCache } from "../../client/build/builds.ts";
import { digestInLayout } from "../../client/build/layout-index.ts";
import { isDuetError } from "../../kit/errors.ts";
import { splitCsv } from "../container/mount-option.ts";
import { usageError } from "../flags.ts";

/**
 * `--cache-from IMAGE`, `type=registry,ref=IMAGE` or `type=local,src=FOLDER[,tag=...]`; one that is not there is passed over, after a
 * word to `warn`. Throws `invalid` BUILD_CACHE.
 */
export async function cacheSources(
  words: readonly string[],
  warn: (line: string) => void,
): Promise<readonly BuildCache[]> {
  const found: BuildCache[] = [];
  for (const word of words) {
    const cache = readCache("--cache-from", word, { registry: "ref", local: "src" });
    const folder = cache.type === "local" ? cache.attributes.get("src") : undefined;
    if (folder === undefined || cache.attributes.has("digest")) {
      found.push(cache);
      continue;
    }
    const digest = await digestIn(folder, cache.attributes.get("tag") ?? "latest");
    if (digest === undefined) warn(`no cache in the folder · ${folder}`);
    else found.push({ ...cache, attributes: new Map([...cache.attributes, ["digest", digest]]) });
  }
  return found;
}

async function digestIn(folder: string, tag: string): Promise<string | undefined> {
  try {
    return await digestInLayout(folder, tag);
  } catch (error) {
    if (isDuetError(error, "not-found")) return undefined;
    throw error;
  }
}

/**
 * `--cache-to IMAGE`, `type=registry,ref=IMAGE[,mode=max]`, `type=local,dest=FOLDER[,tag=...]` or `type=inline`. Throws `invalid`
 * BUILD_CACHE.
 */
export function cacheTargets(words: readonly string[]): readonly BuildCache[] {
  const needs = { registry: "ref", local: "dest", inline: null };
  return words.map((word) => readCache("--cache-to", word, needs));
}

/** `needs` are the types that there may be, with what each must have. */
function readCache(
  flag: string,
  word: string,
  needs: Readonly<Record<string, string | null>>,
): BuildCache {
  if (!word.includes("=")) return { type: "registry", attributes: new Map([["ref", word]]) };
  const attributes = new Map(
    splitCsv(word).map((field): [string, string] => {
      const [key = "", value = ""] = field.split(/=(.*)/s);
      return [key.toLowerCase(), value];
    }),
  );
  const type = attributes.get("type") ?? "";
  attributes.delete("type");
  if (!Object.hasOwn(needs, type)) {
    const types = Object.keys(needs).map((name) => `type=${name}`);
    const hint = `use ${types.slice(0, -1).join(", ")} or ${types.at(-1)}`;
    throw usageError("BUILD_CACHE", `${flag} does not take type=${type}`, hint);
  }
  const needed = needs[type];
  if (needed === null || needed === undefined) return { type, attributes };
  const value = attributes.get(needed) ?? "";
  if (value === "") {
    const what = needed === "ref" ? "ref=IMAGE" : `${needed}=FOLDER`;
    throw usageError("BUILD_CACHE", `${flag} type=${type} wants ${what}`);
  }
  if (type === "local") attributes.set(needed, resolve(value));
  return { type, attributes };
}
