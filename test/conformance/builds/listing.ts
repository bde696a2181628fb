import { createHash } from "node:crypto";
import type { TarEntry } from "../../../src/kit/tar/entry.ts";
import { readTar } from "../../../src/kit/tar/reader.ts";
import { writtenAt } from "./project.ts";
import { one, readSaved, whole } from "./saved-image.ts";

/** What an image is, for comparison. */
export interface ImageFacts {
  readonly config: Readonly<Record<string, unknown>>;
  readonly history: readonly string[];
  /** Lines of paths that the base has not, or otherwise; `gone` for what only the base has. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Reads an archive of `docker save`, and tells what it has over `base`, an archive too; with `folderTimes` also times of
 * folders, that say when something was last put into them, in an order that is the builder's own.
 */
export async function imageFacts(
  archive: Buffer,
  base: Buffer,
  folderTimes = false,
): Promise<ImageFacts> {
  const image = await readSaved(archive);
  const { layers } = await readSaved(base);
  const isOnBase = layers.every((layer, index) => image.layers[index]?.equals(layer) === true);
  const below = isOnBase ? await flatten(layers, folderTimes) : new Map<string, string>();
  const all = await flatten(image.layers, folderTimes);
  const files: Record<string, string> = {};
  for (const [path, line] of [...all].toSorted(([left], [right]) => (left < right ? -1 : 1))) {
    if (withoutTime(below.get(path) ?? "") !== withoutTime(line)) files[path] = line;
  }
  for (const path of below.keys()) if (!all.has(path)) files[path] = "gone";
  const history = image.history.filter((text) => !text.startsWith("recipe images/"));
  return { config: tidy(image.config), history, files };
}

interface Inode {
  readonly line: string;
  readonly names: Set<string>;
}

/** Lines for the paths of the root that layers make, one on the other (OCI image-spec layer.md). */
async function flatten(
  layers: readonly Buffer[],
  folderTimes: boolean,
): Promise<ReadonlyMap<string, string>> {
  const tree = new Map<string, Inode>();
  for (const layer of layers) await addLayer(tree, layer, folderTimes);
  return new Map([...tree].map(([path, inode]) => [path, inode.line + linksOf(inode)]));
}

async function addLayer(
  tree: Map<string, Inode>,
  layer: Buffer,
  folderTimes: boolean,
): Promise<void> {
  const added = new Map<string, Inode>();
  for await (const entry of readTar(one(layer), {})) {
    const path = plainPath(entry.name);
    const content = await whole(entry.content());
    const slash = path.lastIndexOf("/") + 1;
    const [folder, name] = [path.slice(0, slash), path.slice(slash)];
    if (name === ".wh..wh..opq") drop(tree, folder.slice(0, -1), false);
    else if (name.startsWith(".wh.")) drop(tree, folder + name.slice(".wh.".length), true);
    else if (path !== "") {
      const target = entry.kind === "hardlink" ? plainPath(entry.linkName) : "";
      const linked = added.get(target) ?? tree.get(target);
      const time = entry.kind !== "directory" || folderTimes ? timeOf(entry) : "";
      added.set(path, linked ?? { line: lineOf(entry, content, time), names: new Set() });
    }
  }
  for (const [path, inode] of added) {
    const before = tree.get(path);
    if (before !== undefined && !(isFolder(before) && isFolder(inode))) drop(tree, path, true);
    before?.names.delete(path);
    inode.names.add(path);
    tree.set(path, inode);
  }
}

function drop(tree: Map<string, Inode>, path: string, itself: boolean): void {
  for (const name of [...tree.keys()]) {
    if (!name.startsWith(`${path}/`) && !(itself && name === path)) continue;
    tree.get(name)!.names.delete(name);
    tree.delete(name);
  }
}

function plainPath(name: Buffer): string {
  return name
    .toString()
    .replace(/^(?:\.\/)?\/*/, "")
    .replace(/\/$/, "");
}

function isFolder(inode: Inode): boolean {
  return inode.line.startsWith("directory");
}

function linksOf({ names }: Inode): string {
  return names.size < 2 ? "" : ` linked with ${[...names].toSorted()[0]}`;
}

function lineOf(entry: TarEntry, content: Buffer, time: string): string {
  const { kind, mode, uid, gid } = entry;
  const parts = [kind, (mode & 0o7777).toString(8), `${uid}:${gid}`];
  if (kind === "file") parts.push(`${content.length}`, digest(content).slice(0, 16));
  if (kind === "symlink") parts.push(`-> ${entry.linkName.toString()}`);
  const attributes = entry.attributes.map(
    ({ name, value }) => `${name.toString()}=${value.toString("hex")}`,
  );
  return [...parts, ...attributes.toSorted(), time].join(" ").trimEnd();
}

/** A time that was given, to the second; what the build itself has made is `new`. */
function timeOf({ modifiedSeconds }: TarEntry): string {
  const isGiven = modifiedSeconds < writtenAt + 60_000_000;
  return isGiven ? `@${modifiedSeconds}` : "new";
}

function withoutTime(line: string): string {
  return line.replace(/ (?:@-?\d+|new)(?= linked|$)/, "");
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Without what says nothing, and what Docker says of every image. */
function tidy(config: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(config).filter(([key, value]) => {
    if (key === "ArgsEscaped" || value === null || value === "" || value === false) return false;
    return typeof value !== "object" || Object.keys(value).length > 0;
  });
  return Object.fromEntries(entries.toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
