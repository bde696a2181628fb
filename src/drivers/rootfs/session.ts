import { placedMembers } from "./placed-members.ts";
import { constants } from "node:fs";
import { constants as systemConstants } from "node:os";
import type {
  DiffEntry,
  LayerOptions,
  RootfsSession,
  RootfsStat,
  UserLookup,
} from "../../domain/rootfs.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { tarEnd } from "../../kit/tar/writer.ts";
import { treeError, treeLost } from "../../kit/tree/errors.ts";
import { evaluatePath } from "../../kit/tree/evaluate.ts";
import type { TreeLink } from "../../kit/tree/link.ts";
import { joinPath } from "../../kit/tree/names.ts";
import { treeAnswer, treeOperation, treePolicy } from "../../kit/tree/operations.ts";
import { unpackTar } from "../../kit/tree/unpack.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";
import { viewOf } from "../../kit/tree/view.ts";
import { packSteps, walkTree } from "../../kit/tree/walk.ts";
import { overlayChanges, overlayLayer, type LayerTrees } from "./changes.ts";
import { treeChanges, treeLayer, withoutMounted, type ComparedTrees } from "./differences.ts";
import { removeMountPoints } from "./mount-points.ts";
import { lookUpUser } from "./users.ts";

export interface TreeSessionParts {
  /** The link to the tree, which is entered when it is first asked for. */
  link(signal: AbortSignal): Promise<TreeLink>;
  end(): Promise<void>;
  readonly layers: ((signal: AbortSignal, writable: boolean) => Promise<LayerTrees>) | undefined;
}

/** Bytes of /etc/passwd and /etc/group that are looked at. */
const userFileLimit = 1 << 20;
/** Codes of what reading a folder says, and what is below a file. At a pipe, runtimes that read it too would hang. */
const noFile: ReadonlySet<string> = new Set(["IS_A_DIRECTORY", "NOT_A_DIRECTORY"]);
const longestPath = 4_096;

/** A session on one root over a link that serves tree operations. */
export class TreeSession implements RootfsSession {
  private readonly parts: TreeSessionParts;
  private ended = false;
  private layers: Promise<LayerTrees> | undefined;

  constructor(parts: TreeSessionParts) {
    this.parts = parts;
  }

  async stat(path: string, follow: boolean, signal: AbortSignal): Promise<RootfsStat> {
    const entry = await this.look(path, follow || endsAsFolder(path), signal);
    const isLink = (entry.mode & constants.S_IFMT) === constants.S_IFLNK;
    return {
      name: baseName(path),
      size: entry.size,
      mode: entry.mode,
      modifiedAt: entry.modifiedSeconds * 1_000 + Math.floor(entry.modifiedNanoseconds / 1e6),
      linkTarget: isLink ? await this.realPath(path, signal) : "",
    };
  }

  async lookupUser(
    user: string,
    groups: readonly string[],
    signal: AbortSignal,
  ): Promise<UserLookup> {
    const passwd = await this.userFile("/etc/passwd", signal);
    const group = await this.userFile("/etc/group", signal);
    return lookUpUser({ passwd, group }, user, groups);
  }

  async *archive(path: string, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
    const follow = endsAsFolder(path);
    const place = follow ? await this.realPath(path, signal) : path;
    const base = baseName(path);
    const prefix = Buffer.from(base === "/" ? "/" : `${base}/`);
    const name = Buffer.from(base);
    const link = await this.parts.link(signal);
    const steps = walkTree(link, encodePath(place), { content: true }, signal);
    yield* packSteps(steps, (entry) =>
      entry.path.length === 0 ? name : Buffer.concat([prefix, entry.path]),
    );
    yield tarEnd;
  }

  async extract(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    options: { readonly noOverwriteDirNonDir: boolean; readonly copyOwner: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const base = await this.folderAt(path, signal, "extraction point is not a directory");
    const policy = options.noOverwriteDirNonDir ? treePolicy.keepKind : treePolicy.replace;
    const link = await this.parts.link(signal);
    await unpackTar(link, readTar(tar), { base, format: "archive", policy }, signal);
  }

  async *wholeTree(signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
    const link = await this.parts.link(signal);
    const steps = walkTree(link, Buffer.alloc(0), { content: true, oneDevice: true }, signal);
    yield* packSteps(withoutMounted(steps), (entry) =>
      entry.path.length === 0 ? undefined : entry.path,
    );
    yield tarEnd;
  }

  async *members(
    path: string,
    place: string,
    without: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void, void> {
    const link = await this.parts.link(signal);
    yield* placedMembers(link, await this.folderAt(path, signal), { place, without }, signal);
  }

  async changes(signal: AbortSignal, base?: RootfsSession): Promise<readonly DiffEntry[]> {
    if (base instanceof TreeSession) return await treeChanges(await this.compared(base, signal));
    return await overlayChanges(await this.openLayers(signal), signal);
  }

  async *layer(
    signal: AbortSignal,
    base?: RootfsSession,
    options?: LayerOptions,
  ): AsyncGenerator<Buffer, void, void> {
    if (base instanceof TreeSession) {
      yield* treeLayer(await this.compared(base, signal), options);
      return;
    }
    yield* overlayLayer(await this.openLayers(signal), signal, options);
  }

  readyLayer(signal: AbortSignal): void {
    this.openLayers(signal).catch(() => undefined);
  }

  async realPath(path: string, signal: AbortSignal): Promise<string> {
    const link = await this.parts.link(signal);
    return `/${(await evaluatePath(viewOf(link), encodePath(path), signal)).toString("utf8")}`;
  }

  async removeMountPoints(
    paths: readonly string[],
    signal: AbortSignal,
    base?: RootfsSession,
  ): Promise<void> {
    const places: Buffer[] = [];
    for (const path of paths) places.push(encodePath(await this.mountedAt(path, signal)));
    if (base instanceof TreeSession) {
      const { tree, base: below } = await this.compared(base, signal);
      const both = { upper: { link: tree }, lower: { link: async () => below } };
      await removeMountPoints(both, places, signal);
      return;
    }
    const trees = await this.openLayers(signal, true);
    await removeMountPoints(trees, places, signal);
  }

  /** A runtime mounts where links on the way lead; what made a circle of them meanwhile has left no mount point. */
  private async mountedAt(path: string, signal: AbortSignal): Promise<string> {
    try {
      return await this.realPath(path, signal);
    } catch (error) {
      if (isDuetError(error, "denied")) return path;
      throw error;
    }
  }

  async readFile(path: string, limit: number, signal: AbortSignal): Promise<Buffer> {
    const parts: Buffer[] = [];
    let size = 0;
    const link = await this.parts.link(signal);
    const answers = link.ask(
      treeOperation.read,
      (frame) => frame.u64(limit).bytes(encodePath(path)),
      signal,
      path,
    );
    for await (const { type, values } of answers) {
      if (type !== treeAnswer.content) continue;
      const part = values.rest();
      size += part.length;
      // A guest's agent, which may be anyone's by now, answers what it likes.
      if (size > limit) throw treeLost("it sent more of a file than was asked for");
      parts.push(part);
    }
    return Buffer.concat(parts);
  }

  async makeDirectory(
    path: string,
    mode: number,
    uid: number,
    gid: number,
    signal: AbortSignal,
  ): Promise<void> {
    const now = Math.floor(Date.now() / 1_000);
    const metadata = { mode, uid, gid, modifiedSeconds: now, modifiedNanoseconds: 0 };
    const link = await this.parts.link(signal);
    const frame = link.operation(treeOperation.directory);
    frame.u8(treePolicy.keep).metadata(metadata).bytes(encodePath(path)).attributes([]);
    await link.post();
    await link.barrier(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    await (await this.layers?.catch(() => undefined))?.[Symbol.asyncDispose]();
    await this.parts.end();
  }

  private async compared(base: TreeSession, signal: AbortSignal): Promise<ComparedTrees> {
    return { tree: await this.parts.link(signal), base: await base.parts.link(signal), signal };
  }

  private async openLayers(signal: AbortSignal, writable = false): Promise<LayerTrees> {
    if (this.parts.layers === undefined) {
      throw new DuetError(
        "unsupported",
        "CHANGES_UNSUPPORTED",
        "changes of this kind of root cannot be told",
      );
    }
    this.layers ??= this.parts.layers(signal, writable);
    return await this.layers;
  }

  /** Where a folder is, links followed. */
  private async folderAt(
    path: string,
    signal: AbortSignal,
    otherwise = "not a directory",
  ): Promise<Buffer> {
    const folder = await this.look(path, true, signal);
    if ((folder.mode & constants.S_IFMT) !== constants.S_IFDIR)
      throw new DuetError("invalid", "NOT_A_DIRECTORY", otherwise, { subject: path });
    return encodePath(await this.realPath(path, signal));
  }

  private async look(path: string, follow: boolean, signal: AbortSignal): Promise<TreeEntry> {
    if (this.ended) throw treeLost("the session has ended");
    const link = await this.parts.link(signal);
    const values = await link.answer(
      treeOperation.stat,
      (frame) => frame.u8(follow ? 1 : 0).bytes(encodePath(path)),
      signal,
      path,
    );
    const entry = values.entry();
    // Links such as /proc/self lead nowhere for one who is no process there.
    const isLink = (entry.mode & constants.S_IFMT) === constants.S_IFLNK;
    if (isLink && entry.linkName.length === 0)
      throw treeError(systemConstants.errno.ENOENT, "look at", path);
    return entry;
  }

  /** What is no file names nobody, as with Docker: a program with a number for its user needs none. */
  private async userFile(path: string, signal: AbortSignal): Promise<string> {
    try {
      return (await this.readFile(path, userFileLimit, signal)).toString("utf8");
    } catch (error) {
      if (isDuetError(error, "not-found")) return "";
      if (isDuetError(error, "invalid") && noFile.has(error.code)) return "";
      throw error;
    }
  }
}

function components(path: string): string[] {
  return path.split("/").filter((component) => component !== "" && component !== ".");
}

/** `x/` and `x/.` mean the folder that x leads to. */
function endsAsFolder(path: string): boolean {
  return path.endsWith("/") || path.endsWith("/.");
}

/** Go's filepath.Base of the cleaned path, but `.` for a path that ends with it. */
function baseName(path: string): string {
  if (path === "." || path.endsWith("/.")) return ".";
  return components(path).at(-1) ?? "/";
}

function encodePath(path: string): Buffer {
  if (path.includes("\0") || path.length > longestPath) {
    throw new DuetError("invalid", "PATH_INVALID", "a path holds a NUL or is over 4096 characters");
  }
  return joinPath(components(path).map((component) => Buffer.from(component)));
}
