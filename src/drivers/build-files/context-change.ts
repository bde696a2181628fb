import { createHash } from "node:crypto";
import { constants } from "node:fs";
import type { ContextChange, ContextEntry } from "../../domain/build/files.ts";
import type { Digest } from "../../domain/digest.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EnteredTree } from "../../kit/tree/enter.ts";
import { pathBelowRoot } from "../../kit/tree/names.ts";
import { treePolicy } from "../../kit/tree/operations.ts";
import type { TreeMetadata } from "../../kit/tree/values.ts";
import { inlineFileSize, TreeWriter } from "../../kit/tree/writer.ts";
import type { ContextIndex } from "./context-index.ts";

/** Bytes and members of one context at most. */
export interface ContextLimits {
  readonly totalSize: number;
  readonly entries: number;
}

export interface ChangeOutcome {
  readonly isKept: boolean;
  /** False where everything was as it should be. */
  readonly isChanged: boolean;
  readonly list: Digest | null;
}

/** Changes of a tree and its index, entry by entry. */
export class TreeChange implements ContextChange {
  private readonly open: () => Promise<EnteredTree>;
  private readonly index: ContextIndex;
  private readonly limits: ContextLimits;
  private readonly signal: AbortSignal;
  private readonly end: (outcome: ChangeOutcome) => Promise<void>;
  private opened: { readonly tree: EnteredTree; readonly writer: TreeWriter } | undefined;
  private size: number;
  private count = 0;
  private state: "open" | "committed" | "ended" = "open";
  private list: Digest | null = null;

  constructor(
    open: () => Promise<EnteredTree>,
    index: ContextIndex,
    limits: ContextLimits,
    signal: AbortSignal,
    end: (outcome: ChangeOutcome) => Promise<void>,
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

  async commit(list: Digest | null): Promise<void> {
    await this.opened?.writer.finish();
    await this.opened?.tree.link.barrier(this.signal);
    this.list = list;
    this.state = "committed";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.state === "ended") return;
    const kept = this.state === "committed";
    this.state = "ended";
    await this.opened?.tree[Symbol.asyncDispose]();
    await this.end({ isKept: kept, isChanged: this.opened !== undefined, list: this.list });
  }

  /** The tree is entered with the first change: most builds of a folder have none. */
  private async enter(): Promise<NonNullable<TreeChange["opened"]>> {
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
