import { constants } from "node:fs";
import type { CopyTarget } from "../../domain/build/files.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { TarAttribute } from "../../kit/tar/entry.ts";
import { joinPath } from "../../kit/tree/names.ts";
import type { TreeEntry, TreeMetadata } from "../../kit/tree/values.ts";
import type { TreeView } from "../../kit/tree/view.ts";
import { inlineFileSize } from "../../kit/tree/writer.ts";
import { madeAs, placeOfFile, placeOfFolder, type OpenTarget } from "./destination.ts";
import { firstName } from "./digest.ts";
import { parseMode, type ModeChange } from "./mode.ts";
import { isFolder, isRegular } from "./places.ts";
import { takenSteps, type Item } from "./selected.ts";

/** Copies an item with Docker's rules; folders merge, files replace files, nothing becomes another kind. */
export async function copyItem(
  target: OpenTarget,
  source: TreeView,
  item: Item,
  signal: AbortSignal,
): Promise<void> {
  const place = isFolder(item.entry)
    ? await placeOfFolder(target, signal)
    : { path: await placeOfFile(target, item.name, signal), made: false };
  const copying = new Copying(target, place, item.filter.include === null);
  try {
    for await (const step of takenSteps(source, item, { content: true }, signal)) {
      if (target.link.failure !== undefined) break;
      if (step.kind === "content") await copying.content(step.offset, step.data);
      else await copying.entry(step.entry);
    }
    await copying.endFile();
    // What further items put into its folders changes their times.
    await target.writer.finish();
    await target.link.barrier(signal);
  } catch (error) {
    throw ofKinds(error);
  }
}

/**
 * As `copyItem`, of a folder all of which is taken as it is, through a target beside which the source's tree is: the
 * helper copies by itself, and nothing passes through this process.
 */
export async function copyWhole(
  target: OpenTarget,
  item: Item,
  signal: AbortSignal,
): Promise<void> {
  const place = await placeOfFolder(target, signal);
  const copying = new Copying(target, place, true);
  try {
    await copying.entry({ ...item.entry, path: Buffer.alloc(0) });
    await target.writer.copy(item.path, place.path, target.wanted);
    await target.writer.finish();
    await target.link.barrier(signal);
  } catch (error) {
    throw ofKinds(error);
  }
}

/** Whether nothing of an item is left out, or gets another mode. */
export function isWhole(item: Item, { mode }: CopyTarget): boolean {
  const { include, exclude } = item.filter;
  return isFolder(item.entry) && include === null && exclude === null && mode === null;
}

/** The helper refuses to put another kind of thing in the place of a folder, or the reverse. */
function ofKinds(error: unknown): unknown {
  if (!isDuetError(error, "conflict") && !isDuetError(error, "invalid")) return error;
  return new DuetError("invalid", "KINDS_DIFFER", `cannot copy: ${error.message}`, {
    cause: error,
    hint: "a folder cannot take the place of a file or link, nor a file that of a folder",
  });
}

interface OpenFile {
  readonly path: Buffer;
  readonly entry: TreeEntry;
  readonly metadata: TreeMetadata;
  /** Of a small file, what has come of it; large ones are on their way. */
  readonly parts: Buffer[] | null;
}

class Copying {
  private readonly target: OpenTarget;
  private readonly base: Buffer;
  /** Whether the base is a folder that was made for this item. */
  private readonly made: boolean;
  /** Whether it is a copy of the item's root: one that was there before gets the item's time, as with BuildKit. */
  private readonly isWhole: boolean;
  private readonly mode: ModeChange | null;
  private readonly names = new Map<string, Buffer>();
  private file: OpenFile | undefined;

  constructor(
    target: OpenTarget,
    base: { readonly path: Buffer; readonly made: boolean },
    isWhole: boolean,
  ) {
    this.target = target;
    this.isWhole = isWhole && base.path.length > 0;
    this.base = base.path;
    this.made = base.made;
    const { mode } = target.wanted;
    this.mode = mode === null ? null : parseMode(mode);
  }

  async entry(entry: TreeEntry): Promise<void> {
    await this.endFile();
    const path = joinPath([this.base, entry.path]);
    const { writer } = this.target;
    const metadata = this.metadataOf(entry);
    const attributes = entry.attributes;
    if (isFolder(entry)) {
      if (entry.path.length > 0) await writer.folder(path, metadata, attributes);
      else if (this.made) {
        await writer.folder(path, { ...metadata, ...madeAs(this.target.wanted) }, []);
      } else if (this.isWhole) writer.retime(path, metadata);
      return;
    }
    const first = firstName(this.names, entry);
    if (first !== undefined) return await writer.hardlink(path, joinPath([this.base, first]));
    if (isRegular(entry)) return await this.beginFile(path, entry, metadata);
    if ((entry.mode & constants.S_IFMT) === constants.S_IFLNK) {
      return await writer.symlink(path, entry.linkName, metadata, attributes);
    }
    const device = { major: entry.deviceMajor, minor: entry.deviceMinor };
    await writer.node(path, metadata, device, attributes);
  }

  async content(offset: number, data: Buffer): Promise<void> {
    if (this.file === undefined) return;
    if (this.file.parts === null) await this.target.writer.data(offset, data);
    else this.file.parts.push(data);
  }

  async endFile(): Promise<void> {
    const { file } = this;
    this.file = undefined;
    if (file === undefined) return;
    const { path, entry, metadata, parts } = file;
    const { writer } = this.target;
    if (parts === null) return await writer.endFile(metadata, entry.attributes);
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    await writer.smallFile(path, metadata, entry.attributes, size, parts);
  }

  private async beginFile(path: Buffer, entry: TreeEntry, metadata: TreeMetadata): Promise<void> {
    /* A file with holes is small in no frame: what is not written stays a hole. */
    const isWhole = entry.blocks * 512 >= entry.size;
    const isSmall = entry.size <= inlineFileSize && isWhole;
    if (!isSmall) await this.target.writer.beginFile(path, metadata, entry.size);
    this.file = { path, entry, metadata, parts: isSmall ? [] : null };
  }

  private metadataOf(entry: TreeEntry): TreeMetadata {
    const { owner, latestTime } = this.target.wanted;
    const kind = entry.mode & constants.S_IFMT;
    const permitted = entry.mode & 0o7777;
    const changed =
      this.mode === null || kind === constants.S_IFLNK
        ? permitted
        : this.mode(permitted, isFolder(entry));
    const isLate = latestTime !== null && entry.modifiedSeconds >= latestTime;
    return {
      mode: kind | changed,
      uid: owner?.uid ?? entry.uid,
      gid: owner?.gid ?? entry.gid,
      modifiedSeconds: isLate ? latestTime : entry.modifiedSeconds,
      modifiedNanoseconds: isLate ? 0 : entry.modifiedNanoseconds,
    };
  }
}

/** Attributes that a new file has. */
export const noAttributes: readonly TarAttribute[] = [];
