import { constants } from "node:fs";
import { DuetError } from "../errors.ts";
import { kindBits, tarInvalid, type TarEntry } from "../tar/entry.ts";
import type { TreeLink } from "./link.ts";
import { joinPath, pathBelowRoot, splitPath } from "./names.ts";
import { treeOperation, type TreePolicy } from "./operations.ts";
import type { TreeMetadata } from "./values.ts";
import { inlineFileSize, TreeWriter } from "./writer.ts";

export interface UnpackOptions {
  /** Folder below the root that names are relative to; empty for the root. */
  readonly base: Buffer;
  /**
   * `layer`: an OCI layer into overlayfs's form: whiteouts and opaque marks are made, literal 0:0
   * devices left out. `archive`: everything is what it says.
   */
  readonly format: "layer" | "archive";
  readonly policy: TreePolicy;
  /** Owner of everything instead of the archive's. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** What came out of an unpack. */
export interface Unpacked {
  readonly entries: number;
  /** Bytes of all files, holes included. */
  readonly size: number;
  /** Whether a member spoke of the root itself. */
  readonly rootDescribed: boolean;
  /** Every folder that a member spoke of, as often as one did. */
  readonly folders: readonly Buffer[];
  /** Whether an opaque marker stands in the root: nothing of the layers below is to be seen. */
  readonly rootOpaque: boolean;
}

/** Times before 1970, and from here on (2262), become 1970: so Docker does it, as not every file system has them. */
const endOfTimes = 9_223_372_036;
const whiteoutPrefix = Buffer.from(".wh.");
const opaqueMarker = Buffer.from(".wh..wh..opq");
const aufsPrefix = Buffer.from(".wh..wh.");

/**
 * Unpacks members into the tree behind `link` and waits until all is done. Throws the first failure;
 * then a part of the archive is there.
 */
export async function unpackTar(
  link: TreeLink,
  entries: AsyncIterable<TarEntry>,
  options: UnpackOptions,
  signal: AbortSignal,
): Promise<Unpacked> {
  const unpacker = new Unpacker(link, options);
  for await (const entry of entries) {
    signal.throwIfAborted();
    if (link.failure !== undefined) break;
    await unpacker.take(entry);
  }
  await unpacker.finish();
  await link.barrier(signal);
  const { entries: count, size, rootDescribed, rootOpaque, folders } = unpacker;
  return { entries: count, size, rootDescribed, rootOpaque, folders };
}

class Unpacker {
  entries = 0;
  size = 0;
  rootDescribed = false;
  rootOpaque = false;
  readonly folders: Buffer[] = [];
  private readonly link: TreeLink;
  private readonly options: UnpackOptions;
  private readonly writer: TreeWriter;

  constructor(link: TreeLink, options: UnpackOptions) {
    this.link = link;
    this.writer = new TreeWriter(link, options.policy);
    this.options = options;
  }

  async take(entry: TarEntry): Promise<void> {
    this.entries += 1;
    const path = this.place(entry.name);
    if (this.options.format === "layer" && (await this.takeMarker(entry.name, path))) return;
    switch (entry.kind) {
      case "directory":
        return await this.takeFolder(path, entry);
      case "file":
        this.size += entry.size;
        return entry.size <= inlineFileSize && entry.sparse === null
          ? await this.takeSmallFile(path, entry)
          : await this.takeFile(path, entry);
      case "symlink":
        return await this.writer.symlink(
          path,
          entry.linkName,
          this.metadata(entry, 0),
          entry.attributes,
        );
      case "hardlink":
        return await this.takeHardlink(path, entry);
      case "character":
      case "block":
      case "fifo":
        return await this.takeNode(path, entry);
    }
  }

  async finish(): Promise<void> {
    await this.writer.finish();
  }

  private place(name: Buffer): Buffer {
    const path = pathBelowRoot(name);
    return this.options.base.length === 0 ? path : joinPath([this.options.base, path]);
  }

  private metadata(entry: TarEntry, type: number): TreeMetadata {
    const { owner } = this.options;
    const { modifiedSeconds: seconds, modifiedNanoseconds } = entry;
    const isTime = seconds >= 0 && seconds < endOfTimes;
    return {
      mode: entry.mode | type,
      uid: owner?.uid ?? entry.uid,
      gid: owner?.gid ?? entry.gid,
      modifiedSeconds: isTime ? seconds : 0,
      modifiedNanoseconds: isTime ? modifiedNanoseconds : 0,
    };
  }

  private async takeFolder(path: Buffer, entry: TarEntry): Promise<void> {
    if (path.length === 0) this.rootDescribed = true;
    this.folders.push(path);
    await this.writer.folder(path, this.metadata(entry, 0), entry.attributes);
  }

  /** What a layer says with a second name counts for the file, as with Docker. */
  private async takeHardlink(path: Buffer, entry: TarEntry): Promise<void> {
    await this.writer.hardlink(path, this.place(entry.linkName));
    if (this.options.format === "layer")
      await this.writer.restated(path, this.metadata(entry, 0), entry.attributes);
  }

  private async takeSmallFile(path: Buffer, entry: TarEntry): Promise<void> {
    const parts: Buffer[] = [];
    if (entry.size > 0) for await (const piece of entry.pieces()) parts.push(piece.data);
    const metadata = this.metadata(entry, constants.S_IFREG);
    await this.writer.smallFile(path, metadata, entry.attributes, entry.size, parts);
  }

  private async takeFile(path: Buffer, entry: TarEntry): Promise<void> {
    const metadata = this.metadata(entry, constants.S_IFREG);
    await this.writer.beginFile(path, metadata, entry.size);
    for await (const { offset, data } of entry.pieces()) {
      if (this.link.failure !== undefined) return;
      await this.writer.data(offset, data);
    }
    await this.writer.endFile(metadata, entry.attributes);
  }

  private async takeNode(path: Buffer, entry: TarEntry): Promise<void> {
    const { deviceMajor, deviceMinor } = entry;
    /* overlayfs takes a 0:0 device for a whiteout; a tar says `.wh.` for that. */
    if (entry.kind === "character" && deviceMajor === 0 && deviceMinor === 0) return;
    const type = kindBits[entry.kind];
    const device = { major: deviceMajor, minor: deviceMinor };
    await this.writer.node(path, this.metadata(entry, type), device, entry.attributes);
  }

  /** OCI image-spec layer.md, "Whiteouts". True where the member was a marker and not a file. */
  private async takeMarker(rawName: Buffer, path: Buffer): Promise<boolean> {
    if (!rawName.includes(whiteoutPrefix)) return false;
    const { folder, name } = splitPath(path);
    if (name.subarray(0, 4).compare(whiteoutPrefix) !== 0) {
      return isAufsMetadata(path);
    }
    if (name.equals(opaqueMarker)) {
      if (folder.length === 0) this.rootOpaque = true;
      this.link.operation(treeOperation.opaque).bytes(folder);
      await this.link.post();
      return true;
    }
    if (name.subarray(0, aufsPrefix.length).equals(aufsPrefix)) return true;
    const hidden = name.subarray(whiteoutPrefix.length);
    if (
      hidden.length === 0 ||
      hidden.equals(Buffer.from(".")) ||
      hidden.equals(Buffer.from(".."))
    ) {
      throw tarInvalid(`a whiteout of nothing: ${JSON.stringify(path.toString("utf8"))}`);
    }
    this.link.operation(treeOperation.whiteout).bytes(joinPath([folder, hidden]));
    await this.link.post();
    return true;
  }
}

/** Below a `.wh..wh.` folder, aufs kept its own bookkeeping; a `.wh.` folder of another kind is refused. */
function isAufsMetadata(path: Buffer): boolean {
  for (const component of path.toString("latin1").split("/")) {
    if (component.startsWith(".wh..wh.")) return true;
    if (component.startsWith(".wh.")) {
      throw new DuetError(
        "corrupt",
        "TAR_INVALID",
        `a whiteout used as a folder: ${JSON.stringify(path.toString("utf8"))}`,
      );
    }
  }
  return false;
}
