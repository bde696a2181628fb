import { constants } from "node:fs";
import type { DiffEntry, LayerOptions } from "../../domain/rootfs.ts";
import { DuetError } from "../../kit/errors.ts";
import { tarEnd } from "../../kit/tar/writer.ts";
import type { TreeLink } from "../../kit/tree/link.ts";
import { joinPath, splitPath } from "../../kit/tree/names.ts";
import { treeOperation } from "../../kit/tree/operations.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";
import { packSteps, walkTree, type TreeStep } from "../../kit/tree/walk.ts";
import { fitted } from "./changes.ts";
import { ancestorsOf, withParents } from "./parents.ts";
import { holdsPlaceholders, isPlaceholder } from "./placeholders.ts";

/** A root, and the root that it was made from; both whole. */
export interface ComparedTrees {
  readonly tree: TreeLink;
  readonly base: TreeLink;
  readonly signal: AbortSignal;
}

interface Change {
  readonly kind: DiffEntry["kind"];
  readonly entry: TreeEntry;
}

const empty = Buffer.alloc(0);
/** A guest tells these: it must not fill the daemon's memory. */
const mostEntries = 2_000_000;

/** As `docker diff`, for a root that is no overlay: what differs by kind, owner, mode, size, times and attributes. */
export async function treeChanges(trees: ComparedTrees): Promise<readonly DiffEntry[]> {
  const changes = await compare(trees);
  return withParents(changes.map(({ kind, entry }) => ({ kind, path: entry.path })));
}

/** The same as an uncompressed OCI layer. Only what has changed is read. */
export async function* treeLayer(
  trees: ComparedTrees,
  options?: LayerOptions,
): AsyncGenerator<Buffer, void, void> {
  const changes = await compare(trees);
  yield* packSteps(fitted(layerSteps(trees, changes), options), (entry) =>
    entry.path.length === 0 ? undefined : entry.path,
  );
  yield tarEnd;
}

/** Leaves out what is mounted in the tree: a mount point stays as an empty folder or file. */
export async function* withoutMounted(
  steps: AsyncIterable<TreeStep>,
): AsyncGenerator<TreeStep, void, void> {
  let device: bigint | undefined;
  for await (const step of steps) {
    if (step.kind === "content") {
      yield step;
      continue;
    }
    device ??= step.entry.device;
    if (isOfDisk(step.entry)) continue;
    const isMounted = step.entry.device !== device;
    yield isMounted
      ? { kind: "entry", entry: { ...step.entry, size: 0, links: 1, attributes: [] } }
      : step;
  }
}

/** A disk's own, and none of the image's. */
function isOfDisk(entry: TreeEntry): boolean {
  return entry.path.toString("latin1") === "lost+found" && isPlaceholder(entry);
}

async function compare(trees: ComparedTrees): Promise<readonly Change[]> {
  const before = new Map<string, TreeEntry>();
  const options = { content: false };
  for await (const step of walkTree(trees.base, empty, options, trees.signal)) {
    if (step.kind === "entry") keep(before, step.entry);
  }
  const changes: Change[] = [];
  const covered: string[] = [];
  let device: bigint | undefined;
  let count = 0;
  const walk = { content: false, oneDevice: true };
  for await (const step of walkTree(trees.tree, empty, walk, trees.signal)) {
    if (step.kind !== "entry") continue;
    if ((count += 1) > mostEntries) throw tooMany();
    const { entry } = step;
    device ??= entry.device;
    const path = entry.path.toString("latin1");
    const old = before.get(path);
    before.delete(path);
    if (entry.device !== device) {
      covered.push(`${path}/`);
      const point = { ...entry, size: 0, links: 1, attributes: [] };
      if (old === undefined && !isPlaceholder(point)) changes.push({ kind: "added", entry: point });
      continue;
    }
    if (path === "") continue;
    if (old === undefined) {
      if (!isPlaceholder(entry)) changes.push({ kind: "added", entry });
    } else if (!isSame(entry, old)) changes.push({ kind: "modified", entry });
  }
  for (const [path, entry] of before) {
    const isHidden = covered.some((mount) => path.startsWith(mount));
    const isBelow = before.has(splitPath(entry.path).folder.toString("latin1"));
    if (path !== "" && !isHidden && !isBelow) changes.push({ kind: "deleted", entry });
  }
  return changes;
}

function keep(entries: Map<string, TreeEntry>, entry: TreeEntry): void {
  if (entries.size >= mostEntries) throw tooMany();
  entries.set(entry.path.toString("latin1"), { ...entry, path: Buffer.from(entry.path) });
}

function tooMany(): DuetError {
  return new DuetError(
    "exhausted",
    "TOO_MANY_FILES",
    `cannot compare a root of over ${mostEntries} files`,
  );
}

function isSame(entry: TreeEntry, old: TreeEntry): boolean {
  const kind = entry.mode & constants.S_IFMT;
  if (entry.mode !== old.mode || entry.uid !== old.uid || entry.gid !== old.gid) return false;
  if (!entry.linkName.equals(old.linkName) || !sameAttributes(entry, old)) return false;
  if (kind !== constants.S_IFDIR && wasTouched(entry, old)) return false;
  if (kind === constants.S_IFCHR || kind === constants.S_IFBLK) {
    return entry.deviceMajor === old.deviceMajor && entry.deviceMinor === old.deviceMinor;
  }
  if (kind === constants.S_IFLNK) return true;
  if (kind === constants.S_IFREG && entry.size !== old.size) return false;
  return sameTime(entry, old) || (kind === constants.S_IFDIR && holdsPlaceholders(entry.path));
}

/**
 * Whether a kernel has changed the inode since the disk was made from the tree, in whatever way and even if all is
 * as before: an overlay would have copied it. A disk is made with times of whole seconds. Another name's removal
 * counts as a change, too, so those of several names are told by their other marks.
 */
function wasTouched({ changed }: TreeEntry, old: TreeEntry): boolean {
  if (changed === undefined || changed.nanoseconds === 0 || old.links > 1) return false;
  const { seconds, nanoseconds } = old.changed ?? { seconds: -1, nanoseconds: -1 };
  return changed.seconds !== seconds || changed.nanoseconds !== nanoseconds;
}

/** Disks that are made from a tree keep whole seconds only. */
function sameTime(entry: TreeEntry, old: TreeEntry): boolean {
  if (entry.modifiedSeconds !== old.modifiedSeconds) return false;
  return entry.modifiedNanoseconds === 0 || entry.modifiedNanoseconds === old.modifiedNanoseconds;
}

function sameAttributes(entry: TreeEntry, old: TreeEntry): boolean {
  if (entry.attributes.length !== old.attributes.length) return false;
  return entry.attributes.every(({ name, value }) =>
    old.attributes.some((other) => other.name.equals(name) && other.value.equals(value)),
  );
}

async function* layerSteps(
  trees: ComparedTrees,
  changes: readonly Change[],
): AsyncGenerator<TreeStep, void, void> {
  const ordered = changes.toSorted((one, other) => one.entry.path.compare(other.entry.path));
  const told = new Set<string>();
  const read = new Set<string>();
  for (const { kind, entry } of ordered) {
    yield* parentsOf(trees, entry.path, told);
    told.add(entry.path.toString("latin1"));
    if (kind === "deleted") yield whiteout(entry);
    else {
      const file = `${entry.device}:${entry.inode}`;
      const isNew = entry.links < 2 || !read.has(file);
      read.add(file);
      if (hasContent(entry) && isNew) yield* fileSteps(trees, entry);
      else yield { kind: "entry", entry: { ...entry, seen: !isNew } };
    }
  }
}

function hasContent(entry: TreeEntry): boolean {
  return (entry.mode & constants.S_IFMT) === constants.S_IFREG && entry.size > 0;
}

/** The folders above a change, as they are now: an unpacking engine would make them with other owners. */
async function* parentsOf(
  trees: ComparedTrees,
  path: Buffer,
  told: Set<string>,
): AsyncGenerator<TreeStep, void, void> {
  for (const folder of ancestorsOf(path)) {
    const name = folder.toString("latin1");
    if (told.has(name)) continue;
    told.add(name);
    const values = await trees.tree.answer(
      treeOperation.stat,
      (frame) => frame.u8(0).bytes(folder),
      trees.signal,
    );
    yield { kind: "entry", entry: { ...values.entry(), path: folder } };
  }
}

async function* fileSteps(
  trees: ComparedTrees,
  entry: TreeEntry,
): AsyncGenerator<TreeStep, void, void> {
  for await (const step of walkTree(trees.tree, entry.path, { content: true }, trees.signal)) {
    if (step.kind === "content") yield step;
    else yield { kind: "entry", entry: { ...step.entry, path: entry.path, seen: false } };
  }
}

function whiteout(entry: TreeEntry): TreeStep {
  const { folder, name } = splitPath(entry.path);
  const path = joinPath([folder, Buffer.concat([Buffer.from(".wh."), name])]);
  const mode = constants.S_IFREG | 0o600;
  return { kind: "entry", entry: { ...entry, path, mode, size: 0, links: 1, attributes: [] } };
}
