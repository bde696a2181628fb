import type { Digest } from "../../domain/digest.ts";
import type { ChainId, Descriptor } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";

/** Layers on each other, base first: what a step stands on, and what it gives. */
export interface LayerStack {
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
}

export const emptyStack: LayerStack = { layers: [], diffIds: [] };

/** A cache of thousands of entries is asked for all of theirs at once. */
const tops = new WeakMap<LayerStack["diffIds"], ChainId | null>();

export function topOf({ diffIds }: Pick<LayerStack, "diffIds">): ChainId | null {
  const known = tops.get(diffIds);
  if (known !== undefined) return known;
  const top = chainIds(diffIds).at(-1) ?? null;
  tops.set(diffIds, top);
  return top;
}

/** `below` with a layer on it. */
export function layerStackOf(below: LayerStack, layer: Descriptor, diffId: Digest): LayerStack {
  return { layers: [...below.layers, layer], diffIds: [...below.diffIds, diffId] };
}

/** `below` with the topmost layer of `made` on it. */
export function onTop(below: LayerStack, made: LayerStack): LayerStack {
  return {
    layers: [...below.layers, ...made.layers.slice(-1)],
    diffIds: [...below.diffIds, ...made.diffIds.slice(-1)],
  };
}
