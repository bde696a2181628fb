import { constants } from "node:fs";
import { metadataPart, treeOperation } from "../../kit/tree/operations.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";
import { walkTree } from "../../kit/tree/walk.ts";
import type { TreeLink } from "../../kit/tree/link.ts";
import { LayerLook, type LowerTree } from "./layer-look.ts";
import { ancestorsOf } from "./parents.ts";
import { runtimePlaces } from "./placeholders.ts";

/** What was written to, and what was there before. */
interface BothTrees {
  readonly upper: { readonly link: TreeLink };
  readonly lower: LowerTree | undefined;
}

interface BothLooks {
  readonly upper: LayerLook;
  readonly lower: LayerLook;
}

/**
 * Takes out of a tree what was made there only to mount on: still empty, and not there before. Folders
 * above keep their times, or get back those they had where nothing else is in them.
 */
export async function removeMountPoints(
  trees: BothTrees,
  paths: readonly Buffer[],
  signal: AbortSignal,
): Promise<void> {
  const present = await namesOf(trees, signal);
  const named = [...paths, ...runtimePlaces].filter((path) =>
    present.has(path.toString("latin1").split("/", 1)[0] ?? ""),
  );
  const all = new Map(
    named
      .flatMap((path) => [path, ...ancestorsOf(path)])
      .map((path) => [path.toString("latin1"), path]),
  );
  // Deepest first, so that a folder is empty when its turn comes.
  const ordered = [...all.values()].toSorted((one, other) => depth(other) - depth(one));
  const looks = {
    upper: new LayerLook({ link: async () => trees.upper.link }),
    lower: new LayerLook(trees.lower),
  };
  for (const path of ordered) await removeOne(trees, looks, path, signal);
}

/** What is in the root itself: mostly none of what is looked for. */
async function namesOf(trees: BothTrees, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const options = { content: false, shallow: true };
  for await (const step of walkTree(trees.upper.link, Buffer.alloc(0), options, signal)) {
    if (step.kind === "entry") names.add(step.entry.path.toString("latin1"));
  }
  return names;
}

async function removeOne(
  trees: BothTrees,
  looks: BothLooks,
  path: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const { link } = trees.upper;
  const entry = await looks.upper.at(path, signal);
  if (entry === undefined || !(await isEmpty(trees, path, entry, signal))) return;
  if ((await looks.lower.at(path, signal)) !== undefined) return;
  const folder = ancestorsOf(path).at(-1) ?? Buffer.alloc(0);
  const holder = await looks.upper.at(folder, signal);
  link.operation(treeOperation.remove).bytes(path);
  await link.post();
  await link.barrier(signal);
  if (holder !== undefined) await keepTime(trees, looks.lower, folder, holder, signal);
}

async function isEmpty(
  trees: BothTrees,
  path: Buffer,
  entry: TreeEntry,
  signal: AbortSignal,
): Promise<boolean> {
  const kind = entry.mode & constants.S_IFMT;
  if (kind === constants.S_IFREG) return entry.size === 0;
  return kind === constants.S_IFDIR && (await isBare(trees, path, signal));
}

async function isBare(trees: BothTrees, path: Buffer, signal: AbortSignal): Promise<boolean> {
  let entries = 0;
  const steps = walkTree(trees.upper.link, path, { content: false, shallow: true }, signal);
  for await (const step of steps) if (step.kind === "entry") entries += 1;
  return entries === 1;
}

async function keepTime(
  trees: BothTrees,
  lower: LayerLook,
  folder: Buffer,
  holder: TreeEntry,
  signal: AbortSignal,
): Promise<void> {
  const before = await lower.at(folder, signal);
  const isOnlyHolder = before !== undefined && (await isBare(trees, folder, signal));
  const { link } = trees.upper;
  link
    .operation(treeOperation.metadata)
    .u8(metadataPart.times)
    .metadata(isOnlyHolder ? before : holder)
    .bytes(folder)
    .attributes([]);
  await link.post();
  await link.barrier(signal);
}

function depth(path: Buffer): number {
  return ancestorsOf(path).length;
}
