import type { BuildCache } from "../../client/build/builds.ts";
import { splitCsv } from "../container/mount-option.ts";
import { usageError } from "../flags.ts";

/** `--cache-from IMAGE` or `type=registry,ref=IMAGE`. Throws `invalid` BUILD_CACHE. */
export function cacheSources(words: readonly string[]): readonly BuildCache[] {
  return words.map((word) => readCache("--cache-from", word, ["registry"]));
}

/** `--cache-to IMAGE`, `type=registry,ref=IMAGE[,mode=max]` or `type=inline`. Throws `invalid` BUILD_CACHE. */
export function cacheTargets(words: readonly string[]): readonly BuildCache[] {
  return words.map((word) => readCache("--cache-to", word, ["registry", "inline"]));
}

function readCache(flag: string, word: string, types: readonly string[]): BuildCache {
  if (!word.includes("=")) return { type: "registry", attributes: new Map([["ref", word]]) };
  const attributes = new Map(
    splitCsv(word).map((field): [string, string] => {
      const [key = "", value = ""] = field.split(/=(.*)/s);
      return [key.toLowerCase(), value];
    }),
  );
  const type = attributes.get("type") ?? "";
  attributes.delete("type");
  if (!types.includes(type)) {
    throw usageError(
      "BUILD_CACHE",
      `${flag} does not take type=${type}`,
      `use type=${types.join(" or type=")}; docker buildx also takes type=local`,
    );
  }
  if (type === "registry" && (attributes.get("ref") ?? "") === "")
    throw usageError("BUILD_CACHE", `${flag} type=registry wants ref=IMAGE`);
  return { type, attributes };
}
