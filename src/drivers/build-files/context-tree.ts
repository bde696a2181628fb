import type {
  ContextChange,
  ContextEntry,
  ContextTree,
  FileTree,
} from "../../domain/build/files.ts";
import type { Digest } from "../../domain/digest.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { TarEntry } from "../../kit/tar/entry.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { enterTree, folderTarget, type EnteredTree } from "../../kit/tree/enter.ts";
import { evaluatePath } from "../../kit/tree/evaluate.ts";
import { pathBelowRoot } from "../../kit/tree/names.ts";
import { treeOperation, treePolicy } from "../../kit/tree/operations.ts";
import { unpackTar } from "../../kit/tree/unpack.ts";
import type { TreeView } from "../../kit/tree/view.ts";
import { TreeChange, type ContextLimits } from "./context-change.ts";
import { ContextIndex } from "./context-index.ts";
import type { KnownContent } from "./digest.ts";
import type { ContextNote } from "./known-indexes.ts";
import { gather, HeldTar, type HeldMemory } from "./held-tar.ts";
import { IndexView } from "./index-view.ts";
import { noteMembers, withoutDevices, type Owner } from "./noted-members.ts";
import { isRegular } from "./places.ts";

/** How a tree is kept on disk. */
export interface ContextPlace {
  /** Absolute path of the folder with the client's files. */
  readonly folder: string;
  readonly binary: string;
  /** Where a tar may stay in memory until its files are wanted; null where they are to be found again later. */
  readonly memory: HeldMemory | null;
  /** Makes the folder; idempotent. */
  prepare(): Promise<void>;
  /** Empties the folder, whatever it holds. */
  clear(signal: AbortSignal): Promise<void>;
  /** Marks the index on disk as no longer true, before the first change. */
  spoil(): Promise<void>;
  save(index: ContextIndex, list: Digest | null): Promise<ContextNote | null>;
  /** The index on disk. Throws `corrupt` CONTEXT_CORRUPT. */
  load(): Promise<ContextIndex>;
  /** The content as it is was told by another list. */
  relist(note: ContextNote): void;
  /** `size` in bytes is what it holds now. */
  release(size: number): Promise<void>;
}

/** What a tree holds: in its folder, or as a tar in memory that is laid there when somebody asks for the files. */
interface Holding {
  /** Null while nobody has asked for it: of most contexts nothing has changed since it was written. */
  index: ContextIndex | null;
  /** What is known without it; null while what is on disk is not what was written last. */
  note: ContextNote | null;
  tar: { readonly held: HeldTar; readonly owner: Owner | undefined } | null;
}

/** A context's tree with its index; what is spoken of in the index is in the folder, and nothing else. */
export class StoredContext implements ContextTree {
  private readonly place: ContextPlace;
  private readonly limits: ContextLimits;
  private readonly holding: Holding;
  private readonly laying = new KeyedLock();
  private readonly loading = new KeyedLock();
  private released = false;

  /** Without an index its note is there. */
  constructor(
    place: ContextPlace,
    known: { readonly index: ContextIndex | null; readonly note: ContextNote | null },
    limits: ContextLimits,
  ) {
    this.place = place;
    this.limits = limits;
    this.holding = { index: known.index, note: known.note, tar: null };
  }

  get identity(): string | null {
    return this.holding.note?.identity ?? null;
  }

  get list(): Digest | null {
    return this.holding.note?.list ?? null;
  }

  async files(signal: AbortSignal): Promise<FileTree> {
    await this.lay(signal);
    const { folder } = this.place;
    const mount = { type: "bind", source: folder, target: "", options: ["bind"] } as const;
    return { mounts: [mount], identity: null };
  }

  async entries(signal: AbortSignal): Promise<readonly ContextEntry[]> {
    return (await this.index(signal)).entries();
  }

  /** The tree as far as it is known without reading it; undefined where it must be read. */
  async known(
    signal: AbortSignal,
  ): Promise<{ readonly view: TreeView; readonly content: KnownContent } | undefined> {
    const index = await this.index(signal);
    if (!index.isExact) return undefined;
    const content = (path: Buffer): Digest | undefined => index.get(path)?.digest ?? undefined;
    return { view: new IndexView(index), content };
  }

  /** A regular file's bytes where they are in memory, links followed; undefined where the files themselves must be asked. */
  async read(path: Buffer, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const { tar } = this.holding;
    if (tar === null) return undefined;
    const index = await this.index(signal);
    const place = await evaluatePath(new IndexView(index), path, signal);
    const entry = index.get(place);
    if (entry === undefined || !isRegular(entry) || entry.size > limit) return undefined;
    return tar.held.file(place, entry.size);
  }

  async fill(
    tar: AsyncIterable<Uint8Array>,
    options: { readonly owners: "root" | "archive" },
    signal: AbortSignal,
  ): Promise<void> {
    const owner = options.owners === "root" ? { uid: 0, gid: 0 } : undefined;
    this.letGo();
    const { memory } = this.place;
    const gathered = memory === null ? tar : await gather(tar, memory);
    if (!(gathered instanceof HeldTar)) return await this.unpackNoted(gathered, owner, signal);
    const index = new ContextIndex();
    let isHeld = false;
    try {
      isHeld = await gathered.note(index, this.limits, owner, signal);
      if (!isHeld) await this.unpackNoted(gathered.stream(), owner, signal);
    } finally {
      if (!isHeld) gathered[Symbol.dispose]();
    }
    if (isHeld) Object.assign(this.holding, { index, note: null, tar: { held: gathered, owner } });
  }

  async remove(paths: readonly Buffer[], signal: AbortSignal): Promise<void> {
    const index = await this.index(signal);
    const { tar } = this.holding;
    const there = paths.map(pathBelowRoot).filter((path) => index.get(path) !== undefined);
    if (tar !== null) {
      tar.held.removed.push(...there);
      for (const path of there) index.remove(path);
      return;
    }
    await using change = await this.change(signal);
    for (const path of there) await change.remove(path);
    await change.commit(null);
  }

  async change(signal: AbortSignal): Promise<ContextChange> {
    await this.lay(signal);
    const index = await this.index(signal);
    const open = async (): Promise<EnteredTree> => {
      await this.spoil();
      return await this.enter(signal);
    };
    return new TreeChange(open, index, this.limits, signal, async ({ isKept, isChanged, list }) => {
      if (!isChanged) {
        if (isKept) this.relist(list);
      } else if (isKept) await this.save(index, list);
      else {
        this.holding.index = new ContextIndex();
        await this.place.clear(signal.aborted ? AbortSignal.timeout(clearMilliseconds) : signal);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.released) return;
    this.released = true;
    const { index, note } = this.holding;
    const size = note?.size ?? index?.size ?? 0;
    this.letGo();
    await this.place.release(size);
  }

  /** Brings what is in memory into the folder: once, whoever asks. One that failed half-way begins anew. */
  private async lay(signal: AbortSignal): Promise<void> {
    await this.laying.run("", signal, async () => {
      await this.place.prepare();
      const { tar } = this.holding;
      if (tar === null) return;
      const members = readTar(tar.held.stream(), this.limits);
      await this.unpack(withoutDevices(members), tar.owner, tar.held.removed, signal);
      this.holding.tar = null;
      tar.held[Symbol.dispose]();
    });
  }

  private async unpackNoted(
    tar: AsyncIterable<Uint8Array>,
    owner: Owner | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    await this.place.prepare();
    await this.spoil();
    this.holding.index = new ContextIndex();
    const index = new ContextIndex();
    await this.unpack(
      noteMembers(readTar(tar, this.limits), index, owner, signal),
      owner,
      [],
      signal,
    );
    await this.save(index, null);
    this.holding.index = index;
  }

  private async unpack(
    members: AsyncIterable<TarEntry>,
    owner: Owner | undefined,
    removed: readonly Buffer[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.place.clear(signal);
    await using tree = await this.enter(signal);
    const options = {
      base: Buffer.alloc(0),
      format: "archive",
      policy: treePolicy.replace,
    } as const;
    const ownership = owner === undefined ? {} : { owner };
    await unpackTar(tree.link, members, { ...options, ...ownership }, signal);
    if (removed.length === 0) return;
    for (const path of removed) {
      tree.link.operation(treeOperation.remove).bytes(path);
      await tree.link.post();
    }
    await tree.link.barrier(signal);
  }

  private async enter(signal: AbortSignal): Promise<EnteredTree> {
    return await enterTree(this.place.binary, folderTarget(this.place.folder), {}, signal);
  }

  private async index(signal: AbortSignal): Promise<ContextIndex> {
    return await this.loading.run("", signal, async () => {
      this.holding.index ??= await this.place.load();
      return this.holding.index;
    });
  }

  private async spoil(): Promise<void> {
    this.holding.note = null;
    await this.place.spoil();
  }

  private async save(index: ContextIndex, list: Digest | null): Promise<void> {
    this.holding.note = index.isExact ? await this.place.save(index, list) : null;
  }

  private relist(list: Digest | null): void {
    const { note } = this.holding;
    if (note === null || note.list === list) return;
    this.holding.note = { ...note, list };
    this.place.relist(this.holding.note);
  }

  private letGo(): void {
    this.holding.tar?.held[Symbol.dispose]();
    Object.assign(this.holding, { index: new ContextIndex(), note: null, tar: null });
  }
}

const clearMilliseconds = 60_000;
