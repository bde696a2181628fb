import type { FileSelection } from "../../domain/build/files.ts";
import { compileIgnore, type IgnoreMatcher } from "../../kit/patterns/ignore.ts";
import { evaluatePath } from "../../kit/tree/evaluate.ts";
import { joinPath, splitPath } from "../../kit/tree/names.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";
import type { TreeView } from "../../kit/tree/view.ts";
import type { TreeStep } from "../../kit/tree/walk.ts";
import { findPlaces, hasWildcard, isFolder, isRegular, notFound, placeAt } from "./places.ts";

/** One item of a selection: a file, or a folder whose content is copied. */
export interface Item {
  readonly name: Buffer;
  /** Where it is in its tree, without links. */
  readonly path: Buffer;
  readonly entry: TreeEntry;
  /** Which of what is below it is taken; paths are relative to it. */
  readonly filter: Filter;
}

interface Filter {
  readonly include: IgnoreMatcher | null;
  readonly exclude: IgnoreMatcher | null;
}

/** The items that a selection names, in order; none where a wildcard matches nothing. */
export async function itemsOf(
  view: TreeView,
  selection: FileSelection,
  signal: AbortSignal,
): Promise<readonly Item[]> {
  const exclude = selection.exclude.length === 0 ? null : compileIgnore(selection.exclude);
  if (selection.parents) return await itemWithParents(view, selection.path, exclude, signal);
  const places = selection.mounted
    ? [await placeAt(view, selection.path, signal)]
    : await findPlaces(view, selection.path, signal);
  const filter = { include: null, exclude };
  // What is named itself is taken: BuildKit excludes only what is in a folder that is copied.
  return places.map((place) => ({ ...place, filter }));
}

/** The folder at the pivot, of which only what matches is taken. */
async function itemWithParents(
  view: TreeView,
  path: string,
  exclude: IgnoreMatcher | null,
  signal: AbortSignal,
): Promise<readonly Item[]> {
  const at = path.indexOf("/./");
  const [pivot, rest] = at < 0 ? ["", path] : [path.slice(0, at), path.slice(at + 3)];
  const wanted = rest.split("/").filter((part) => part !== "" && part !== ".");
  const root = await evaluatePath(view, Buffer.from(pivot), signal);
  const entry = await view.look(root, signal);
  if (entry === undefined || !isFolder(entry)) throw notFound(path);
  if (!wanted.some(hasWildcard)) {
    const { folder, name } = splitPath(joinPath([root, Buffer.from(wanted.join("/"))]));
    const place = joinPath([await evaluatePath(view, folder, signal), name]);
    if ((await view.look(place, signal)) === undefined) throw notFound(path);
  }
  const include = wanted.length === 0 ? null : compileIgnore([wanted.join("/")]);
  return [{ name: Buffer.alloc(0), path: root, entry, filter: { include, exclude } }];
}

/**
 * The steps of a walk over an item as far as they are taken; paths relative to the item. Folders that hold only
 * what is left out are left out; a second name of a file whose first is left out comes with its content.
 */
export async function* takenSteps(
  view: TreeView,
  item: Item,
  options: { readonly content: boolean },
  signal: AbortSignal,
): AsyncGenerator<TreeStep, void, void> {
  const { include, exclude } = item.filter;
  const steps = view.walk(item.path, options, signal);
  if (include === null && exclude === null) {
    yield* steps;
    return;
  }
  const taking = new Taking(item.filter);
  for await (const step of steps) {
    if (step.kind === "content") {
      if (taking.isOpen) yield step;
    } else yield* taking.take(step.entry);
  }
  for (const { entry, first } of taking.orphans) {
    const again = view.walk(joinPath([item.path, entry.path]), options, signal);
    for await (const step of again) {
      yield step.kind === "content" ? step : { kind: "entry", entry: { ...entry, seen: !first } };
    }
  }
}

/** Which entries pass, folders only with the first of what is in them. */
class Taking {
  readonly orphans: { readonly entry: TreeEntry; readonly first: boolean }[] = [];
  /** Whether content that comes now belongs to an entry that was taken. */
  isOpen = false;
  private readonly filter: Filter;
  private readonly waiting: TreeEntry[] = [];
  private readonly leftOut = new Set<string>();
  private readonly begun = new Set<string>();

  constructor(filter: Filter) {
    this.filter = filter;
  }

  *take(entry: TreeEntry): Generator<TreeStep, void, void> {
    this.isOpen = false;
    while (this.waiting.length > 0 && !isBelow(entry.path, this.waiting.at(-1)!.path)) {
      this.waiting.pop();
    }
    const wanted = entry.path.length === 0 || this.wants(entry.path.toString("utf8"));
    if (isFolder(entry) && !wanted) {
      this.waiting.push(entry);
      return;
    }
    const inode = entry.links > 1 && isRegular(entry) ? `${entry.device}:${entry.inode}` : "";
    if (!wanted) {
      if (inode !== "" && !entry.seen) this.leftOut.add(inode);
      return;
    }
    for (const folder of this.waiting.splice(0)) yield { kind: "entry", entry: folder };
    if (entry.seen && this.leftOut.has(inode)) {
      this.orphans.push({ entry, first: !this.begun.has(inode) });
      this.begun.add(inode);
      return;
    }
    this.isOpen = true;
    yield { kind: "entry", entry };
  }

  private wants(path: string): boolean {
    const { include, exclude } = this.filter;
    return (include === null || include.ignores(path)) && exclude?.ignores(path) !== true;
  }
}

function isBelow(path: Buffer, folder: Buffer): boolean {
  return (
    path.length > folder.length &&
    path[folder.length] === 0x2f &&
    path.subarray(0, folder.length).equals(folder)
  );
}
