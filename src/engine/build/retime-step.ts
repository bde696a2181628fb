import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import { decompress } from "../../kit/decompress.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { writeTar, type TarMember } from "../../kit/tar/writer.ts";
import type { EngineContext } from "../context.ts";
import { storeLayer } from "../images/store-layer.ts";
import { layerStackOf, type LayerStack } from "./layer-stack.ts";

/**
 * What a cached step would give under another epoch: its own layer with the times that the former epoch has cut off, and
 * those that the new one does, at the new. On `below`, which may differ from what the entry stands on in times, too.
 */
export async function retimed(
  context: EngineContext,
  entry: BuildCacheEntry,
  below: LayerStack,
  epoch: number,
  signal: AbortSignal,
): Promise<BuildCacheEntry> {
  const layer = entry.layers.at(-1)!;
  const isCut = (seconds: number): boolean => seconds === entry.epoch || seconds >= epoch;
  return await context.collection.keep(signal, async () => {
    const content = await context.content.stream(layer.digest);
    const members = withTimes(decompress(content, { signal }), isCut, epoch);
    const made = await storeLayer(context, writeTar(members), signal);
    const own = { ...layer, ...made.descriptor };
    // Made anew it would be of today, which no epoch of the past is later than.
    const now = { epoch, createdAt: Date.now() };
    const next = { ...entry, ...layerStackOf(below, own, made.diffId), ...now };
    context.builds.noteReplaced();
    context.store.transaction(() => context.store.buildCache.put(next));
    return next;
  });
}

async function* withTimes(
  tar: AsyncIterable<Uint8Array>,
  isCut: (seconds: number) => boolean,
  epoch: number,
): AsyncGenerator<TarMember, void, void> {
  for await (const entry of readTar(tar)) {
    const cut = { modifiedSeconds: epoch, modifiedNanoseconds: 0 };
    const header = isCut(entry.modifiedSeconds) ? { ...entry, ...cut } : entry;
    yield entry.kind === "file" ? { header, content: entry.content() } : { header };
  }
}
