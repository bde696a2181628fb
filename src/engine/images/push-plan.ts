import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageName, ImageRecord, Platform } from "../../domain/image.ts";
import {
  isForeignLayer,
  manifestKind,
  maximumManifestBytes,
  parseIndex,
  parseManifestParts,
  selectPlatform,
} from "../../domain/manifest.ts";
import type { EngineContext } from "../context.ts";
import { namedEntries, namedParts } from "./named-parts.ts";

/** A manifest or index with its exact bytes. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly content: Buffer;
}

/** What a push sends. */
export interface PushPlan {
  /** Each digest once; layers before the configurations. */
  readonly blobs: readonly Descriptor[];
  readonly layers: ReadonlySet<Digest>;
  readonly foreign: readonly Descriptor[];
  /** Each after what it names. */
  readonly manifests: readonly Document[];
  /** What the tag will name. */
  readonly top: Document;
}

const maximumDepth = 4;

/**
 * What there is to send for a name: its index with everything in it where all of that is here, as it
 * was pulled or built; else the manifest of its image alone. With `platform`, that one's manifest.
 */
export async function planPush(
  context: EngineContext,
  name: ImageName,
  image: ImageRecord,
  platform: Platform | null,
): Promise<PushPlan> {
  const { target } = name;
  if (manifestKind(target.mediaType) !== "index") return await collectPlan(context, image.manifest);
  const index = await readDocument(context, target);
  if (platform !== null) {
    const { manifests } = parseIndex(index.content, target.mediaType);
    return await collectPlan(context, selectPlatform(manifests, platform));
  }
  if (await isComplete(context, target)) return await collectPlan(context, target);
  return await collectPlan(context, image.manifest);
}

/** Whether a manifest, or all of an index, is in the content store with every blob that may be pushed. */
export async function isComplete(context: EngineContext, target: Descriptor): Promise<boolean> {
  return await isWhole(context, target, maximumDepth, new Set());
}

/** `known` are those that are: indexes may name each other as often as they like, and each is looked at once. */
async function isWhole(
  context: EngineContext,
  target: Descriptor,
  depth: number,
  known: Set<string>,
): Promise<boolean> {
  const key = `${target.mediaType} ${target.digest}`;
  if (known.has(key)) return true;
  if (depth === 0) return false;
  if (manifestKind(target.mediaType) === "index") {
    const entries = await namedEntries(context, target);
    if (entries === undefined) return false;
    for (const each of entries) if (!(await isWhole(context, each, depth - 1, known))) return false;
    known.add(key);
    return true;
  }
  const parts = await namedParts(context, target);
  if (parts === undefined) return false;
  for (const blob of [parts.config, ...parts.layers]) {
    if (isForeignLayer(blob.mediaType)) continue;
    if ((await context.content.size(blob.digest)) === undefined) return false;
  }
  known.add(key);
  return true;
}

/** All that a manifest or index names, which is in the content store. */
export async function collectPlan(context: EngineContext, target: Descriptor): Promise<PushPlan> {
  const layers = new Map<Digest, Descriptor>();
  const configs = new Map<Digest, Descriptor>();
  const foreign = new Map<Digest, Descriptor>();
  const manifests = new Map<Digest, Document>();
  const visit = async (each: Descriptor, depth: number): Promise<Document> => {
    const document = await readDocument(context, each);
    if (manifestKind(each.mediaType) === "index" && depth > 0) {
      for (const entry of parseIndex(document.content, each.mediaType).manifests) {
        if (!manifests.has(entry.digest))
          manifests.set(entry.digest, await visit(entry, depth - 1));
      }
      return document;
    }
    const parts = parseManifestParts(document.content, each.mediaType);
    configs.set(parts.config.digest, parts.config);
    for (const layer of parts.layers)
      (isForeignLayer(layer.mediaType) ? foreign : layers).set(layer.digest, layer);
    return document;
  };
  const top = await visit(target, maximumDepth);
  for (const digest of layers.keys()) configs.delete(digest);
  return {
    blobs: [...layers.values(), ...configs.values()],
    layers: new Set(layers.keys()),
    foreign: [...foreign.values()],
    manifests: [...manifests.values()],
    top,
  };
}

async function readDocument(context: EngineContext, descriptor: Descriptor): Promise<Document> {
  const content = await context.content.read(descriptor.digest, maximumManifestBytes);
  return { descriptor, content };
}
