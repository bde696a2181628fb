import { createHash } from "node:crypto";
import { constants } from "node:fs";
import type {
  ContextChange,
  ContextEntry,
  ContextTree,
  FileTree,
} from "../../domain/build/files.ts";
import type { Digest } from "../../domain/digest.ts";
import { DuetError } from "../../kit/errors.ts";
import { kindBits, type TarEntry } from "../../kit/tar/entry.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { enterTree, folderTarget, type EnteredTree } from "../../kit/tree/enter.ts";
import { pathBelowRoot } from "../../kit/tree/names.ts";
import { treePolicy } from "../../kit/tree/operations.ts";
import { unpackTar } from "../../kit/tree/unpack.ts";
import type { TreeMetadata } from "../../kit/tree/values.ts";
import { inlineFileSize, TreeWriter } from "../../kit/tree/writer.ts";
import type { TreeView } from "../../kit/tree/view.ts";
import { ContextIndex, type IndexedEntry } from "./context-index.ts";
import type { KnownContent } from "./digest.ts";
import { hashZeros } from "./holes.ts";
import { IndexView } from "./index-view.ts";

/** How a tree is kept on disk. */
export interface ContextPlace {
  /** Absolute path of the folder with the client's files. */
  readonly folder: string;
  readonly binary: string;
  /** Empties the folder, whatever it holds. */
  clear(signal: AbortSignal): Promise<void>;
  /** Marks the index on disk as no longer true, before the first change. */
  spoil(): Promise<void>;
  save(index: ContextIndex): Promise<void>;
  /** `size` in bytes is what it holds now. */
  release(size: number): Promise<void>;
}

/** Bytes and members of one context at most. */
export interface ContextLimits {
  readonly totalSize: number;
  readonly entries: number;
}

/** A context's tree with its index; what is spoken of in the index is in the folder, and nothing else. */
export class StoredContext implements ContextTree {
  readonly files: FileTree;
  private readonly place: ContextPlace;
  private readonly limits: ContextLimits;
  private index: ContextIndex;
  private released = false;

  constructor(place: ContextPlace, index: ContextIndex, limits: ContextLimits) {
    this.place = place;
    this.index = index;
    this.limits = limits;
    const mount = { type: "bind", source: place.folder, target: "", options: ["bind"] } as const;
    this.files = { mounts: [mount], identity: null };
  }

  entries(): readonly ContextEntry[] {
    return this.index.entries();
  }

  /** The tree as far as it is known without reading it; undefined where it must be read. */
  known(): { readonly view: TreeView; readonly content: KnownContent } | undefined {
    const { index } = this;
    if (!index.isExact) return undefined;
    const content = (path: Buffer): Digest | undefined => index.get(path)?.digest ?? undefined;
    return { view: new IndexView(index), content };
  }

  async fill(
    tar: AsyncIterable<Uint8Array>,
    options: { readonly owners: "root" | "archive" },
    signal: AbortSignal,
  ): Promise<void> {
    await this.place.spoil();
    this.index = new ContextIndex();
    await this.place.clear(signal);
    await using tree = await enterTree(
      this.place.binary,
      folderTarget(this.place.folder),
      {},
      signal,
    );
    const index = new ContextIndex();
    const owner = options.owners === "root" ? { uid: 0, gid: 0 } : undefined;
    await unpackTar(
      tree.link,
      noteMembers(readTar(tar, this.limits), index, owner),
      {
        base: Buffer.alloc(0),
        format: "archive",
        policy: treePolicy.replace,
        ...(owner === undefined ? {} : { owner }),
      },
      signal,
    );
    if (index.isExact) await this.place.save(index);
    this.index = index;
  }

  async change(signal: AbortSignal): Promise<ContextChange> {
    const open = async (): Promise<EnteredTree> => {
      await this.place.spoil();
      return await enterTree(this.place.binary, folderTarget(this.place.folder), {}, signal);
    };
    return new Change(open, this.index, this.limits, signal, async (kept) => {
      if (kept && this.index.isExact) return await this.place.save(this.index);
      if (kept) return;
      this.index = new ContextIndex();
      await this.place.clear(signal.aborted ? AbortSignal.timeout(clearMilliseconds) : signal);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.released) return;
    this.released = true;
    await this.place.release(this.index.size);
  }
}

const clearMilliseconds = 60_000;

class Change implements ContextChange {
  private readonly open: () => Promise<EnteredTree>;
  private readonly index: ContextIndex;
  private readonly limits: ContextLimits;
  private readonly signal: AbortSignal;
  private readonly end: (kept: boolean) => Promise<void>;
  private opened: { readonly tree: EnteredTree; readonly writer: TreeWriter } | undefined;
  private size: number;
  private count = 0;
  private state: "open" | "committed" | "ended" = "open";

  constructor(
    open: () => Promise<EnteredTree>,
    index: ContextIndex,
    limits: ContextLimits,
    signal: AbortSignal,
    end: (kept: boolean) => Promise<void>,
  ) {
    this.open = open;
    this.index = index;
    this.limits = limits;
    this.signal = signal;
    this.end = end;
    this.size = index.size;
  }

  async put(entry: ContextEntry): Promise<void> {
    const path = this.admit(entry);
    const metadata = metadataOf(entry);
    const { writer } = await this.enter();
    switch (entry.mode & constants.S_IFMT) {
      case constants.S_IFDIR:
        await writer.folder(path, metadata, entry.attributes);
        break;
      case constants.S_IFLNK:
        await writer.symlink(path, entry.link, metadata, entry.attributes);
        break;
      case constants.S_IFREG:
        await this.hardlink(writer, path, entry);
        return;
      case constants.S_IFIFO:
        await writer.node(path, metadata, { major: 0, minor: 0 }, entry.attributes);
        break;
      default:
        throw contextInvalid(path, "it is a device or a socket");
    }
    if ((entry.mode & constants.S_IFMT) !== constants.S_IFDIR) this.index.remove(path);
    this.index.put({ ...entry, path, size: 0, digest: null });
  }

  async putFile(entry: ContextEntry, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.admit(entry);
    const { tree, writer } = await this.enter();
    this.index.remove(path);
    const metadata = metadataOf(entry);
    const hash = createHash("sha256");
    let size = 0;
    const parts: Uint8Array[] = [];
    const isLarge = entry.size > inlineFileSize;
    if (isLarge) await writer.beginFile(path, metadata, entry.size);
    for await (const chunk of content) {
      this.signal.throwIfAborted();
      if (size + chunk.length > entry.size) throw contextInvalid(path, "it is longer than it said");
      hash.update(chunk);
      if (isLarge) await writer.data(size, chunk);
      else parts.push(chunk);
      size += chunk.length;
    }
    if (size !== entry.size) throw contextInvalid(path, "it is shorter than it said");
    if (isLarge) await writer.endFile(metadata, entry.attributes);
    else await writer.smallFile(path, metadata, entry.attributes, size, parts);
    this.size += size;
    this.index.put({ ...entry, path, link: none, digest: `sha256:${hash.digest("hex")}` });
    if (tree.link.failure !== undefined) throw tree.link.failure;
  }

  async remove(path: Buffer): Promise<void> {
    const below = pathBelowRoot(path);
    if (below.length === 0) throw contextInvalid(path, "the root cannot be removed");
    const { writer } = await this.enter();
    await writer.remove(below);
    this.index.remove(below);
  }

  async commit(): Promise<void> {
    await this.opened?.writer.finish();
    await this.opened?.tree.link.barrier(this.signal);
    this.state = "committed";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state === "ended") return;
    const kept = this.state === "committed";
    this.state = "ended";
    if (this.opened === undefined) return;
    await this.opened.tree[Symbol.asyncDispose]();
    await this.end(kept);
  }

  /** The tree is entered with the first change: most builds of a folder have none. */
  private async enter(): Promise<NonNullable<Change["opened"]>> {
    if (this.opened !== undefined) return this.opened;
    const tree = await this.open();
    this.opened = { tree, writer: new TreeWriter(tree.link, treePolicy.replace) };
    return this.opened;
  }

  /** Another name of a file that the client has told before. */
  private async hardlink(writer: TreeWriter, path: Buffer, entry: ContextEntry): Promise<void> {
    const target = pathBelowRoot(entry.link);
    const first = this.index.get(target);
    if (first === undefined || first.digest === null) {
      throw contextInvalid(path, "it is another name of a file that was not sent");
    }
    await writer.hardlink(path, target);
    if (!target.equals(path)) this.index.remove(path);
    this.index.put({ ...entry, path, size: first.size, digest: first.digest });
  }

  private admit(entry: ContextEntry): Buffer {
    this.signal.throwIfAborted();
    const path = pathBelowRoot(entry.path);
    if (path.length === 0) throw contextInvalid(path, "it has no name");
    this.count += 1;
    if (this.count > this.limits.entries || this.size + entry.size > this.limits.totalSize) {
      throw new DuetError(
        "too-large",
        "CONTEXT_TOO_LARGE",
        `the build context is over ${this.limits.entries} files or ${this.limits.totalSize} bytes`,
        { hint: "leave out what the build does not need with a .dockerignore file" },
      );
    }
    return path;
  }
}

const none = Buffer.alloc(0);
const nanoseconds = 1_000_000_000n;

function metadataOf(entry: ContextEntry): TreeMetadata {
  const rest = ((entry.modifiedAt % nanoseconds) + nanoseconds) % nanoseconds;
  return {
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    modifiedSeconds: Number((entry.modifiedAt - rest) / nanoseconds),
    modifiedNanoseconds: Number(rest),
  };
}

function contextInvalid(path: Buffer, why: string): DuetError {
  const shown = JSON.stringify(path.subarray(0, 200).toString("utf8"));
  return new DuetError(
    "invalid",
    "CONTEXT_INVALID",
    `the build context's ${shown} is not taken: ${why}`,
  );
}

/** The members as they pass, noted in the index with the digests of their contents. */
async function* noteMembers(
  entries: AsyncIterable<TarEntry>,
  index: ContextIndex,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): AsyncGenerator<TarEntry, void, void> {
  for await (const entry of entries) {
    if (entry.kind === "character" || entry.kind === "block") continue;
    const path = pathBelowRoot(entry.name);
    const hash = createHash("sha256");
    let position = 0;
    const withHash = async function* (): AsyncGenerator<{ offset: number; data: Buffer }> {
      for await (const piece of entry.pieces()) {
        hashZeros(hash, piece.offset - position);
        hash.update(piece.data);
        position = piece.offset + piece.data.length;
        yield piece;
      }
    };
    yield entry.kind === "file" ? { ...entry, pieces: withHash } : entry;
    hashZeros(hash, entry.size - position);
    const noted = notedEntry(entry, path, index, `sha256:${hash.digest("hex")}`);
    if (entry.kind !== "directory") index.remove(path);
    if (entry.kind === "hardlink" && noted.digest === null) index.isExact = false;
    index.put({ ...noted, ...owner });
  }
}

function notedEntry(
  entry: TarEntry,
  path: Buffer,
  index: ContextIndex,
  digest: Digest,
): IndexedEntry {
  const target = entry.kind === "hardlink" ? index.get(pathBelowRoot(entry.linkName)) : undefined;
  // One file has one owner, mode and time, whatever a further name's member says of them.
  if (target !== undefined && target.digest !== null) {
    return { ...target, path, link: target.link.length > 0 ? target.link : target.path };
  }
  return {
    path,
    mode: entry.mode | kindBits[entry.kind],
    uid: entry.uid,
    gid: entry.gid,
    size: entry.kind === "file" ? entry.size : 0,
    modifiedAt: BigInt(entry.modifiedSeconds) * nanoseconds + BigInt(entry.modifiedNanoseconds),
    link: entry.kind === "symlink" ? entry.linkName : none,
    attributes: entry.attributes,
    digest: entry.kind === "file" ? digest : null,
  };
}
