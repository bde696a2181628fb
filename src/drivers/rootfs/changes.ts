import { constants } from "node:fs";
import type { DiffEntry, LayerOptions } from "../../domain/rootfs.ts";
import type { TarAttribute } from "../../kit/tar/entry.ts";
import { tarEnd } from "../../kit/tar/writer.ts";
import type { EnteredTree } from "../../kit/tree/enter.ts";
import type { TreeLink } from "../../kit/tree/link.ts";
import { joinPath, splitPath } from "../../kit/tree/names.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";
import {
  packSteps,
  walkPacked,
  walkTree,
  type LayerStep,
  type TreeStep,
} from "../../kit/tree/walk.ts";
import { isWhiteout, LayerLook, type LowerTree } from "./layer-look.ts";
import { withParents } from "./parents.ts";
import { holdsPlaceholders, isPlaceholder } from "./placeholders.ts";

/** The two sides of an overlay, each on its own; no `lower` where the root has no image. */
export interface LayerTrees extends AsyncDisposable {
  readonly upper: EnteredTree;
  readonly lower: LowerTree | undefined;
}

const empty = Buffer.alloc(0);
const slash = Buffer.from("/");

/** What an overlay's upper layer changes, as Docker's `OverlayChanges`: kinds by what lower layers have. */
export async function overlayChanges(
  trees: LayerTrees,
  signal: AbortSignal,
): Promise<readonly DiffEntry[]> {
  const changes: DiffEntry[] = [];
  const entries: TreeEntry[] = [];
  for await (const step of walkTree(
    trees.upper.link,
    empty,
    { content: false, overlay: true },
    signal,
  )) {
    if (step.kind === "entry" && step.entry.path.length > 0) entries.push(step.entry);
  }
  const present = new Set(entries.map((entry) => entry.path.toString("latin1")));
  const below = new LayerLook(trees.lower);
  for (const entry of entries) {
    const { path } = entry;
    const before = await below.at(path, signal);
    if (isWhiteout(entry)) {
      if (before !== undefined) changes.push({ path, kind: "deleted" });
      continue;
    }
    if (before === undefined) {
      if (!isPlaceholder(entry)) changes.push({ path, kind: "added" });
    } else if (!isSameFolder(entry, before)) changes.push({ path, kind: "modified" });
    if (before !== undefined && isOpaque(entry) && trees.lower !== undefined) {
      changes.push(...(await hiddenBy(await trees.lower.link(), entry.path, present, signal)));
    }
  }
  return withParents(changes);
}

/** The upper layer as an uncompressed OCI layer: whiteouts and opaque marks in their tar form. */
export async function* overlayLayer(
  trees: LayerTrees,
  signal: AbortSignal,
  options?: LayerOptions,
): AsyncGenerator<Buffer, void, void> {
  const { link } = trees.upper;
  const isAsItIs = (options?.latestTime ?? null) === null;
  const steps = isAsItIs
    ? walkPacked(link, signal)
    : walkTree(link, empty, { content: true, overlay: true }, signal);
  const changed = withoutUnchanged(steps, trees.lower, signal);
  yield* packSteps(fitted(withMarkers(changed), options), (entry) =>
    entry.path.length === 0 ? undefined : entry.path,
  );
  yield tarEnd;
}

/** Steps as they go into a layer: no later than they may be, and counted. */
export async function* fitted(
  steps: AsyncIterable<LayerStep>,
  options: LayerOptions | undefined,
): AsyncGenerator<LayerStep, void, void> {
  const latest = options?.latestTime ?? Infinity;
  for await (const step of steps) {
    if (step.kind === "content") {
      yield step;
      continue;
    }
    if (step.kind === "packed") {
      options?.members(step.count, step.size);
      yield step;
      continue;
    }
    const { entry } = step;
    const isFile = (entry.mode & constants.S_IFMT) === constants.S_IFREG;
    options?.members(1, isFile && !entry.seen ? entry.size : 0);
    const isLate = entry.modifiedSeconds >= latest;
    yield isLate
      ? { kind: "entry", entry: { ...entry, modifiedSeconds: latest, modifiedNanoseconds: 0 } }
      : step;
  }
}

/** Leaves out placeholders, and folders in which nothing has changed. */
async function* withoutUnchanged(
  steps: AsyncIterable<LayerStep>,
  lower: LowerTree | undefined,
  signal: AbortSignal,
): AsyncGenerator<LayerStep, void, void> {
  let waiting: TreeEntry[] = [];
  const below = new LayerLook(lower);
  for await (const step of steps) {
    if (step.kind === "content") {
      yield step;
      continue;
    }
    const { path: at } = step.kind === "packed" ? step : step.entry;
    waiting = waiting.filter(({ path }) => isBelow(at, path));
    if (step.kind === "packed") {
      for (const folder of waiting) yield { kind: "entry", entry: folder };
      waiting = [];
      yield step;
      continue;
    }
    const { entry } = step;
    const mayWait = isFolder(entry) ? !isOpaque(entry) : isPlaceholder(entry);
    if (entry.path.length === 0) continue;
    if (isOpaque(entry)) below.hide(entry.path);
    if (mayWait) {
      const before = await below.at(entry.path, signal);
      const isOwn = before === undefined ? !isPlaceholder(entry) : !isSameFolder(entry, before);
      if (!isOwn) {
        if (isFolder(entry)) waiting.push(entry);
        continue;
      }
    }
    for (const folder of waiting) yield { kind: "entry", entry: folder };
    waiting = [];
    yield step;
  }
}

function isBelow(path: Buffer, folder: Buffer): boolean {
  return path[folder.length] === 0x2f && path.subarray(0, folder.length).equals(folder);
}

async function* withMarkers(
  steps: AsyncIterable<LayerStep>,
): AsyncGenerator<LayerStep, void, void> {
  for await (const step of steps) {
    if (step.kind !== "entry") {
      yield step;
      continue;
    }
    const { entry } = step;
    if (isWhiteout(entry)) {
      const { folder, name } = splitPath(entry.path);
      yield markerStep(entry, joinPath([folder, Buffer.concat([Buffer.from(".wh."), name])]));
      continue;
    }
    yield { kind: "entry", entry: { ...entry, attributes: withoutOverlay(entry.attributes) } };
    if (isOpaque(entry))
      yield markerStep(entry, joinPath([entry.path, Buffer.from(".wh..wh..opq")]));
  }
}

function markerStep(entry: TreeEntry, path: Buffer): TreeStep {
  const mode = constants.S_IFREG | 0o600;
  return { kind: "entry", entry: { ...entry, path, mode, size: 0, links: 1, attributes: [] } };
}

function withoutOverlay(attributes: readonly TarAttribute[]): readonly TarAttribute[] {
  return attributes.filter(({ name }) => !name.toString("latin1").startsWith("trusted."));
}

const opaqueName = Buffer.from("trusted.overlay.opaque");

function isOpaque(entry: TreeEntry): boolean {
  return entry.attributes.some(
    (attribute) => attribute.name.equals(opaqueName) && attribute.value.toString() === "y",
  );
}

export function isFolder(entry: TreeEntry): boolean {
  return (entry.mode & constants.S_IFMT) === constants.S_IFDIR;
}

/** A folder is in the upper layer already because something below it changed. */
export function isSameFolder(entry: TreeEntry, before: TreeEntry): boolean {
  const alike =
    isFolder(entry) &&
    isFolder(before) &&
    entry.mode === before.mode &&
    entry.uid === before.uid &&
    entry.gid === before.gid;
  if (alike && holdsPlaceholders(entry.path)) return true;
  return (
    alike &&
    entry.modifiedSeconds === before.modifiedSeconds &&
    entry.modifiedNanoseconds === before.modifiedNanoseconds
  );
}

/** Direct children of an opaque folder that lower layers have and the upper has not. */
async function hiddenBy(
  link: TreeLink,
  path: Buffer,
  present: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<DiffEntry[]> {
  const hidden: DiffEntry[] = [];
  for await (const step of walkTree(link, path, { content: false }, signal)) {
    if (step.kind !== "entry" || step.entry.path.length === 0) continue;
    if (step.entry.path.includes(slash)) continue;
    const whole = joinPath([path, step.entry.path]);
    if (!present.has(whole.toString("latin1"))) {
      hidden.push({ path: whole, kind: "deleted" });
    }
  }
  return hidden;
}
