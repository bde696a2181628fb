import type { EngineContext } from "../context.ts";
import type { ImageUseCases } from "../image-use-cases.ts";
import type { ContextTree } from "../../domain/build/files.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { BuildUseCases } from "./build.ts";
import { cacheRecords } from "./cache-records.ts";
import { limitCache, pruneCache } from "./prune.ts";
import { planOnly, solve } from "./solve.ts";
import { exportCache } from "./export-cache.ts";
import { archiveResult, storeResult } from "./store-result.ts";

/** The verbs of builds, bound to one engine. */
export function buildUseCases(context: EngineContext, images: ImageUseCases): BuildUseCases {
  return {
    plan: (request, client, signal) => planOnly(context, images, request, client, signal),
    solve: async (request, client, signal) => {
      try {
        return await solve(context, images, request, client, signal);
      } finally {
        limitCache(context);
      }
    },
    store: (results, options, signal) => storeResult(context, results, options, signal),
    archive: (results, options, take, signal) =>
      archiveResult(context, results, options, take, signal),
    exportCache: (results, options, take, signal) =>
      exportCache(context, results, options, take, signal),
    blob: (digest) => context.content.stream(digest),
    readFile: (tree, path, signal) => readSmallFile(context, tree, path, signal),
    cache: () => cacheRecords(context),
    pruneCache: async (request, signal) => {
      const pruned = await pruneCache(context, request, signal);
      context.events.pruned("builder", pruned.reclaimed);
      return pruned;
    },
  };
}

/** Bytes of a Dockerfile or .dockerignore at most. */
const smallFile = 8 << 20;

async function readSmallFile(
  context: EngineContext,
  tree: ContextTree,
  path: string,
  signal: AbortSignal,
): Promise<Buffer | null> {
  try {
    return await context.buildFiles.read(tree, path, smallFile, signal);
  } catch (error) {
    if (isDuetError(error, "not-found")) return null;
    throw error;
  }
}
