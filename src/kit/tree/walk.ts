import { constants } from "node:fs";
import { DuetError } from "../errors.ts";
import { tarHeader, tarPadding, type TarHeaderInput } from "../tar/writer.ts";
import type { TarKind } from "../tar/entry.ts";
import type { TreeFrame, TreeLink } from "./link.ts";
import { isPlain } from "./names.ts";
import { treeAnswer, treeOperation, walkFlag } from "./operations.ts";
import type { FrameBuilder, TreeEntry } from "./values.ts";

/** One step of a walk: something in the tree, or a stretch of the last file's content. */
export type TreeStep =
  | { readonly kind: "entry"; readonly entry: TreeEntry }
  | { readonly kind: "content"; readonly offset: number; readonly data: Buffer };

/** Plain files of one folder as members of an archive, each with its content: `data` is what `packSteps` makes of them. */
export interface PackedStep {
  readonly kind: "packed";
  /** Of the first of them. */
  readonly path: Buffer;
  readonly count: number;
  /** Bytes of their contents. */
  readonly size: number;
  readonly data: Buffer;
}

/** A step of a walk that packs what it may. */
export type LayerStep = TreeStep | PackedStep;

export interface WalkOptions {
  readonly content: boolean;
  /** With overlayfs's own attributes. */
  readonly overlay?: boolean;
  /** Mount points are told without what is mounted there. */
  readonly oneDevice?: boolean;
  /** Only the folder itself and what is in it. */
  readonly shallow?: boolean;
}

/**
 * Everything at and below `path`, parents first, siblings in the order of their names' bytes, links not followed. Paths of entries are relative to
 * `path`; its own is empty. Holes of files are left out of the content.
 */
export async function* walkTree(
  link: TreeLink,
  path: Buffer,
  options: WalkOptions,
  signal: AbortSignal,
): AsyncGenerator<TreeStep, void, void> {
  for await (const frame of askTree(link, path, flagsOf(options), signal)) {
    const step = stepOf(frame);
    if (step !== undefined) yield step;
  }
}

/**
 * As `walkTree` with content and overlayfs's own attributes, of the whole tree; small files of which a header says all
 * come packed. Thousands of them cost little more than their bytes.
 */
export async function* walkPacked(
  link: TreeLink,
  signal: AbortSignal,
): AsyncGenerator<LayerStep, void, void> {
  const flags = flagsOf({ content: true, overlay: true }) | walkFlag.packed;
  for await (const frame of askTree(link, Buffer.alloc(0), flags, signal)) {
    const step = frame.type === treeAnswer.packed ? packedOf(frame) : stepOf(frame);
    if (step !== undefined) yield step;
  }
}

function flagsOf(options: WalkOptions): number {
  return (
    (options.content ? walkFlag.content : 0) |
    (options.overlay === true ? walkFlag.overlay : 0) |
    (options.oneDevice === true ? walkFlag.oneDevice : 0) |
    (options.shallow === true ? walkFlag.shallow : 0)
  );
}

function askTree(
  link: TreeLink,
  path: Buffer,
  flags: number,
  signal: AbortSignal,
): AsyncGenerator<TreeFrame, unknown, void> {
  const fill = (frame: FrameBuilder): void => void frame.u8(flags).bytes(path);
  return link.ask(treeOperation.tree, fill, signal, path.toString("utf8"));
}

function stepOf({ type, values, offset }: TreeFrame): TreeStep | undefined {
  if (type === treeAnswer.entry) return { kind: "entry", entry: checked(values.entry()) };
  if (type === treeAnswer.content) return { kind: "content", offset, data: values.rest() };
  return undefined;
}

function packedOf({ values }: TreeFrame): PackedStep {
  const count = values.u32();
  const size = values.i64();
  return { kind: "packed", count, size, path: values.bytes(), data: values.rest() };
}

/** What tells of a tree may be a guest: its paths become members of archives that others unpack. */
function checked(entry: TreeEntry): TreeEntry {
  const { path } = entry;
  if (path.length === 0 || (isPlain(path) && !path.includes(0))) return entry;
  const shown = JSON.stringify(path.subarray(0, 200).toString("utf8"));
  throw new DuetError(
    "corrupt",
    "TREE_PATH",
    `a file system told of a path that is none: ${shown}`,
  );
}

const kinds: ReadonlyMap<number, TarKind> = new Map([
  [constants.S_IFREG, "file"],
  [constants.S_IFDIR, "directory"],
  [constants.S_IFLNK, "symlink"],
  [constants.S_IFCHR, "character"],
  [constants.S_IFBLK, "block"],
  [constants.S_IFIFO, "fifo"],
]);

export function kindOf(mode: number): TarKind | undefined {
  return kinds.get(mode & constants.S_IFMT);
}

const zeros = Buffer.alloc(256 << 10);

/** Gives a step's member another form: its name, or undefined to leave it out. */
export type MemberNaming = (entry: TreeEntry) => Buffer | undefined;

/**
 * A walk as tar bytes, without the end mark. Second names of what is no folder become hardlinks. What is packed already
 * keeps its names.
 */
export async function* packSteps(
  steps: AsyncIterable<LayerStep>,
  naming: MemberNaming,
): AsyncGenerator<Buffer, void, void> {
  const names = new Map<string, Buffer>();
  let file: OpenMember | undefined;
  for await (const step of steps) {
    if (step.kind === "content") {
      if (file !== undefined) yield* file.take(step.offset, step.data);
      continue;
    }
    if (file !== undefined) yield* file.end();
    file = undefined;
    if (step.kind === "packed") {
      yield step.data;
      continue;
    }
    const { entry } = step;
    const name = naming(entry);
    const header = name === undefined ? undefined : headerOf(entry, name, names);
    if (header === undefined) continue;
    yield tarHeader(header);
    if (header.kind === "file") file = new OpenMember(entry.size);
  }
  if (file !== undefined) yield* file.end();
}

function headerOf(
  entry: TreeEntry,
  name: Buffer,
  names: Map<string, Buffer>,
): TarHeaderInput | undefined {
  const kind = kindOf(entry.mode);
  if (kind === undefined) return undefined;
  const header = { ...entry, kind, name, mode: entry.mode & 0o7777 };
  const single = kind === "file" ? header : { ...header, size: 0 };
  if (kind === "directory" || entry.links < 2) return single;
  const key = `${entry.device}:${entry.inode}`;
  const first = names.get(key);
  if (entry.seen && first !== undefined) {
    /* With its attributes: who unpacks it sets the owner once more, which takes capabilities away. */
    return { ...header, kind: "hardlink", linkName: first, size: 0 };
  }
  names.set(key, name);
  return single;
}

/** Keeps to the size that the header told: holes are filled, what a file grew by is cut off. */
class OpenMember {
  private position = 0;
  private readonly size: number;

  constructor(size: number) {
    this.size = size;
  }

  *take(offset: number, data: Buffer): Generator<Buffer, void, void> {
    if (offset < this.position || offset >= this.size) return;
    yield* this.fill(offset);
    const part = data.subarray(0, this.size - offset);
    this.position = offset + part.length;
    yield part;
  }

  *end(): Generator<Buffer, void, void> {
    yield* this.fill(this.size);
    if (this.size % 512 !== 0) yield tarPadding(this.size);
  }

  private *fill(end: number): Generator<Buffer, void, void> {
    while (this.position < end) {
      const part = zeros.subarray(0, Math.min(zeros.length, end - this.position));
      this.position += part.length;
      yield part;
    }
  }
}
