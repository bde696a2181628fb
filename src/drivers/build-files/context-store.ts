import { createHash, randomBytes } from "node:crypto";
import { access, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type {
  ContextName,
  ContextStore,
  ContextTree,
  KeptContext,
} from "../../domain/build/files.ts";
import { never } from "../../kit/abort.ts";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import { currentBoot } from "../../kit/boot.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { Log } from "../../kit/log.ts";
import { enterTree, folderTarget } from "../../kit/tree/enter.ts";
import { treeOperation } from "../../kit/tree/operations.ts";
import { ContextIndex } from "./context-index.ts";
import type { ContextLimits } from "./context-change.ts";
import { HeldMemory } from "./held-tar.ts";
import { heldEntries, KnownIndexes, type ContextNote } from "./known-indexes.ts";
import { StoredContext, type ContextPlace } from "./context-tree.ts";
import { readKept, writeKept, type KeptRecord } from "./kept-context.ts";

export interface ContextStoreOptions {
  /** Absolute path of a folder of its own; made where missing. */
  readonly directory: string;
  /** Absolute path of duet-rootfs. */
  readonly binary: string;
  readonly log: Log;
  readonly limits?: Partial<ContextLimits>;
  /** Entries of indexes that stay in memory. */
  readonly heldEntries?: number;
}

const defaultLimits: ContextLimits = { totalSize: 64 * 2 ** 30, entries: 2_000_000 };
/** Names of contexts that end with their build. */
const passing = "t-";
/** Names of contexts that stay for the next build of their key. */
const keyed = "k-";
/** Files are not flushed, so after a loss of power an index may tell of content that is not there: each boot begins anew. */
const bootName = "boot";

/**
 * On disk, a folder a context: `k-<digest of key>` or `t-<random>`, with `files/` (the client's tree), `kept` (its
 * KeptRecord) and `index`, which is absent while its files change: such a tree is emptied before its next use. `boot`
 * names the boot in which they were made.
 */
export async function openContextStore(options: ContextStoreOptions): Promise<ContextStore> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const store = new Contexts(options);
  const bootPath = join(options.directory, bootName);
  const isSameBoot = (await readOrNothing(bootPath)) === currentBoot();
  for (const name of await readdir(options.directory)) {
    const isKept = isSameBoot && name.startsWith(keyed) && (await store.load(name));
    if (name !== bootName && !isKept) await store.removeFolder(name, never);
  }
  if (!isSameBoot) await writeFileAtomic(bootPath, currentBoot());
  return store;
}

class Contexts implements ContextStore {
  private readonly options: ContextStoreOptions;
  private readonly limits: ContextLimits;
  private readonly used = new Set<string>();
  private readonly kept = new Map<string, KeptRecord>();
  private readonly locks = new KeyedLock();
  private readonly memory = new HeldMemory();
  private readonly indexes: KnownIndexes;

  constructor(options: ContextStoreOptions) {
    this.options = options;
    this.limits = { ...defaultLimits, ...options.limits };
    this.indexes = new KnownIndexes(options.heldEntries ?? heldEntries);
  }

  /** Whether the folder is one that a use has ended in, which is then listed. */
  async load(name: string): Promise<boolean> {
    const record = readKept(await readOrNothing(this.path(name, "kept")));
    if (record === undefined) return false;
    this.kept.set(name, record);
    return true;
  }

  async open(named: ContextName | null, signal: AbortSignal): Promise<ContextTree> {
    const wanted = named === null ? null : folderOf(named.key);
    if (named === null || wanted === null || this.used.has(wanted)) return this.enterPassing();
    this.used.add(wanted);
    try {
      return await this.locks.run(wanted, signal, () => this.enterKept(wanted, named, signal));
    } catch (error) {
      this.used.delete(wanted);
      throw error;
    }
  }

  list(): readonly KeptContext[] {
    return [...this.kept].map(([name, record]) => ({ ...record, isUsed: this.used.has(name) }));
  }

  async remove(key: string, signal: AbortSignal): Promise<void> {
    const name = folderOf(key);
    await this.locks.run(name, signal, async () => {
      if (!this.used.has(name)) await this.removeFolder(name, signal);
    });
  }

  async removeFolder(name: string, signal: AbortSignal): Promise<void> {
    this.kept.delete(name);
    await rm(this.path(name, "index"), { force: true });
    await this.empty(name, signal);
    await rm(join(this.options.directory, name), { recursive: true, force: true });
  }

  private async enterKept(
    name: string,
    named: ContextName,
    signal: AbortSignal,
  ): Promise<ContextTree> {
    await this.make(name);
    const path = this.path(name, "index");
    let known: { index: ContextIndex | null; note: ContextNote | null } | undefined =
      await this.indexes.get(path);
    if (known === undefined) {
      const index = await this.readIndex(name);
      if (index === undefined) await this.empty(name, signal);
      const note = index === undefined ? null : await this.indexes.remember(path, index, null);
      known = { index: index ?? new ContextIndex(), note };
    }
    const place: ContextPlace = {
      ...this.placeOf(name),
      memory: null,
      prepare: async () => undefined,
      spoil: async () => await rm(path, { force: true }),
      save: async (saved, list) => {
        await writeFileAtomic(path, saved.write());
        return await this.indexes.remember(path, saved, list);
      },
      load: async () => (await this.readIndex(name)) ?? (await this.refuseIndex(name)),
      relist: (note) => this.indexes.relist(path, note),
      release: async (size) => await this.release(name, named, size),
    };
    return new StoredContext(place, known, this.limits);
  }

  /** On disk only from when its files are asked for. */
  private enterPassing(): ContextTree {
    const name = `${passing}${randomBytes(16).toString("hex")}`;
    let made: Promise<void> | undefined;
    const place: ContextPlace = {
      ...this.placeOf(name),
      memory: this.memory,
      prepare: () => (made ??= this.make(name)),
      spoil: async () => undefined,
      save: async () => null,
      load: async () => new ContextIndex(),
      relist: () => undefined,
      release: async () => {
        if (made !== undefined) await this.removeFolder(name, never);
      },
    };
    return new StoredContext(place, { index: new ContextIndex(), note: null }, this.limits);
  }

  private placeOf(name: string): Pick<ContextPlace, "folder" | "binary" | "clear"> {
    return {
      folder: this.path(name, "files"),
      binary: this.options.binary,
      clear: async (until) => await this.empty(name, until),
    };
  }

  private async make(name: string): Promise<void> {
    await mkdir(this.path(name, "files"), { recursive: true, mode: 0o755 });
  }

  private async release(name: string, named: ContextName, size: number): Promise<void> {
    await this.locks.run(name, never, async () => {
      try {
        if (await this.hasIndex(name)) await this.keep(name, named, size);
        else await this.removeFolder(name, never);
      } catch (error) {
        // The build has what it wanted of it; the next one of the key begins anew.
        this.options.log.warn("context-not-kept", { error, key: named.key });
        await this.removeFolder(name, never);
      } finally {
        this.used.delete(name);
      }
    });
  }

  private async keep(name: string, named: ContextName, size: number): Promise<void> {
    const before = this.kept.get(name);
    const usedAt = Date.now();
    const createdAt = before?.createdAt ?? usedAt;
    const record = { ...named, size, createdAt, usedAt, useCount: (before?.useCount ?? 0) + 1 };
    this.kept.set(name, record);
    await writeFile(this.path(name, "kept"), writeKept(record), { mode: 0o600 });
  }

  private async hasIndex(name: string): Promise<boolean> {
    return await access(this.path(name, "index")).then(
      () => true,
      () => false,
    );
  }

  private async readIndex(name: string): Promise<ContextIndex | undefined> {
    const text = await readOrNothing(this.path(name, "index"));
    return text === undefined ? undefined : ContextIndex.read(text);
  }

  /** The next use begins anew. */
  private async refuseIndex(name: string): Promise<never> {
    await rm(this.path(name, "index"), { force: true });
    throw new DuetError(
      "corrupt",
      "CONTEXT_CORRUPT",
      "the index of a kept build context is damaged",
      {
        hint: "build again: its files will be sent anew",
      },
    );
  }

  /** Removes what is in the folder of files, following nothing. */
  private async empty(name: string, signal: AbortSignal): Promise<void> {
    const folder = this.path(name, "files");
    let names: readonly Buffer[];
    try {
      names = await readdir(folder, { encoding: "buffer" });
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return;
      throw error;
    }
    if (names.length === 0) return;
    await using tree = await enterTree(this.options.binary, folderTarget(folder), {}, signal);
    for (const each of names) {
      tree.link.operation(treeOperation.remove).bytes(each);
      await tree.link.post();
    }
    await tree.link.barrier(signal);
  }

  private path(name: string, part: "files" | "kept" | "index"): string {
    return join(this.options.directory, name, part);
  }
}

function folderOf(key: string): string {
  return `${keyed}${createHash("sha256").update(key).digest("hex").slice(0, 40)}`;
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
