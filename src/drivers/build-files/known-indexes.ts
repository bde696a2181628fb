import { randomUUID } from "node:crypto";
import { stat } from "node:fs/promises";
import type { Digest } from "../../domain/digest.ts";
import { errnoOf } from "../../kit/errors.ts";
import type { ContextIndex } from "./context-index.ts";

/** Contexts that are remembered. */
const mostNotes = 256;
/** Entries of all indexes that are held, of half a kilobyte or so: a project with its packages is found again without reading. */
export const heldEntries = 100_000;

/** What is known of a context's content without its index. */
export interface ContextNote {
  /** Of this content in this process, and of no other. */
  readonly identity: string;
  /** Digest of the list that it was made from, where that says all. */
  readonly list: Digest | null;
  /** Bytes. */
  readonly size: number;
}

export interface KnownContext {
  readonly note: ContextNote;
  /** Null for one that is not in memory. */
  readonly index: ContextIndex | null;
  readonly file: string;
}

/** Contexts as this process has read or written their indexes last, each for as long as its file is still that one. */
export class KnownIndexes {
  private readonly known = new Map<string, KnownContext>();
  private readonly most: number;

  /** `most` entries of indexes are held. */
  constructor(most: number) {
    this.most = most;
  }

  /** Undefined where the file at `path` is another than when the index was remembered, or is gone. */
  async get(path: string): Promise<KnownContext | undefined> {
    const found = this.known.get(path);
    if (found === undefined) return undefined;
    if (found.file !== (await identityOf(path))) {
      this.known.delete(path);
      return undefined;
    }
    this.put(path, found);
    return found;
  }

  /** What the file at `path` says now; whoever changes the index takes the file away first. Null where it is gone. */
  async remember(
    path: string,
    index: ContextIndex,
    list: Digest | null,
  ): Promise<ContextNote | null> {
    this.known.delete(path);
    const file = await identityOf(path);
    if (file === undefined) return null;
    const note = { identity: randomUUID(), list, size: index.size };
    this.put(path, { note, index, file });
    return note;
  }

  /** The content is what another list says, too. */
  relist(path: string, note: ContextNote): void {
    const found = this.known.get(path);
    if (found?.note.identity === note.identity) this.put(path, { ...found, note });
  }

  private put(path: string, context: KnownContext): void {
    this.known.delete(path);
    this.known.set(path, context);
    const [oldest] = this.known.keys();
    if (this.known.size > mostNotes && oldest !== undefined) this.known.delete(oldest);
    this.holdWithin(this.most);
  }

  /** Lets go of indexes that do not fit with those remembered later. */
  private holdWithin(most: number): void {
    let left = most;
    for (const [path, context] of [...this.known].toReversed()) {
      if (context.index === null) continue;
      const count = context.index.count;
      if (count <= left) left -= count;
      else this.known.set(path, { ...context, index: null });
    }
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
