import { stat } from "node:fs/promises";
import { errnoOf } from "../../kit/errors.ts";
import type { ContextIndex } from "./context-index.ts";

/** Indexes in memory, and entries of one: a context of the usual size is found again without reading. */
const mostIndexes = 16;
const mostEntries = 10_000;

/** Indexes of contexts as this process has read or written them last, each for as long as its file is still that one. */
export class KnownIndexes {
  private readonly known = new Map<
    string,
    { readonly index: ContextIndex; readonly file: string }
  >();

  /** Undefined where the file at `path` is another than when the index was remembered, or is gone. */
  async get(path: string): Promise<ContextIndex | undefined> {
    const found = this.known.get(path);
    if (found === undefined) return undefined;
    if (found.file === (await identityOf(path))) return found.index;
    this.known.delete(path);
    return undefined;
  }

  /** What the file at `path` says now; whoever changes the index takes the file away first. */
  async remember(path: string, index: ContextIndex): Promise<void> {
    this.known.delete(path);
    const file = await identityOf(path);
    if (file === undefined || index.entries().length > mostEntries) return;
    this.known.set(path, { index, file });
    const [oldest] = this.known.keys();
    if (this.known.size > mostIndexes && oldest !== undefined) this.known.delete(oldest);
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
