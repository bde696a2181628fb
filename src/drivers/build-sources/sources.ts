import { join } from "node:path";
import type { ContextStore } from "../../domain/build/files.ts";
import type { BuildSources } from "../../domain/build/sources.ts";
import { fetchRepository } from "./git-source.ts";
import type { ReachRules } from "./reach.ts";
import { UrlCache } from "./url-cache.ts";
import { fetchFile } from "./url-source.ts";

export interface BuildSourcesOptions {
  /** Absolute path of a folder of its own; made where missing. */
  readonly directory: string;
  /** Where repositories' files are kept. */
  readonly contexts: ContextStore;
  readonly rules: ReachRules;
}

/** What builds fetch over the network, on behalf of whoever wrote the Dockerfile. */
export async function openBuildSources(options: BuildSourcesOptions): Promise<BuildSources> {
  const cache = new UrlCache(join(options.directory, "urls"));
  await cache.load();
  return {
    url: async (source, signal) => await fetchFile(cache, source, options.rules, signal),
    git: async (source, signal) => await fetchRepository(options, source, signal),
    list: async () => await cache.list(),
    remove: async (url) => await cache.remove(url),
  };
}
