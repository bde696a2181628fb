import { availableParallelism } from "node:os";
import {
  selectionName,
  type BuildFiles,
  type ContextTree,
  type CopyTarget,
  type FileSelection,
  type FileTree,
} from "../../domain/build/files.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Mount } from "../../domain/mount.ts";
import { enterTree, type EnteredTree } from "../../kit/tree/enter.ts";
import { Turns } from "../../kit/turns.ts";
import { treePolicy } from "../../kit/tree/operations.ts";
import { inlineFileSize, TreeWriter } from "../../kit/tree/writer.ts";
import { isArchive, unpackArchive } from "./archives.ts";
import { contentOf, readSmallFile } from "./content.ts";
import { StoredContext } from "./context-tree.ts";
import { copyItem, copyWhole, isWhole, noAttributes } from "./copy.ts";
import { makeFolders, placeOfFile, type OpenTarget } from "./destination.ts";
import { GatheredHash, hashItem, type KnownContent } from "./digest.ts";
import { parseMode } from "./mode.ts";
import { isRegular, notFound } from "./places.ts";
import { itemsOf, type Item } from "./selected.ts";
import { evaluatePath } from "../../kit/tree/evaluate.ts";
import type { TreeView } from "../../kit/tree/view.ts";

type SmallFile = Parameters<BuildFiles["write"]>[0][number];

/** Digests of what was taken from trees whose content is named. */
const rememberedDigests = 4_096;

/** `binary` is the absolute path of duet-rootfs, through which every path goes. */
export function createBuildFiles(options: { readonly binary: string }): BuildFiles {
  return new TreeFiles(options.binary);
}

class TreeFiles implements BuildFiles {
  private readonly binary: string;
  private readonly remembered = new Map<string, Digest>();
  /** A Dockerfile may have thousands of COPYs, which builds digest ahead; each takes a helper. */
  private readonly readings = new Turns(Math.max(8, 2 * availableParallelism()));

  constructor(binary: string) {
    this.binary = binary;
  }

  async digest(selection: FileSelection, signal: AbortSignal): Promise<Digest> {
    const key = selectionName(selection);
    const before = key === null ? undefined : this.remembered.get(key);
    if (before !== undefined) return before;
    const known =
      selection.files instanceof StoredContext ? await selection.files.known(signal) : undefined;
    const digest =
      known === undefined
        ? await this.digestByReading(selection, signal)
        : await digestOf(known.view, selection, known.content, signal);
    if (key !== null) this.remember(key, digest);
    return digest;
  }

  async copy(
    selections: readonly FileSelection[],
    wanted: CopyTarget,
    signal: AbortSignal,
  ): Promise<void> {
    const [first, ...others] = selections;
    if (first === undefined) return;
    const beside = (await filesOf(first.files, signal)).mounts;
    if (beside.length === 0) throw notFound(first.path);
    // A helper each, which start side by side.
    const [target, source] = await together(
      enterTree(this.binary, mountsTarget(wanted.mounts), { beside }, signal),
      this.enterSelected(first, signal),
    );
    await using tree = target;
    const opened = openTarget(tree, wanted);
    {
      await using selected = source;
      await this.copySelected(opened, first, selected, true, signal);
    }
    for (const selection of others) {
      await using selected = await this.enterSelected(selection, signal);
      await this.copySelected(opened, selection, selected, false, signal);
    }
    await opened.writer.finish();
    await tree.link.barrier(signal);
  }

  async write(files: readonly SmallFile[], wanted: CopyTarget, signal: AbortSignal): Promise<void> {
    await using tree = await enterTree(this.binary, mountsTarget(wanted.mounts), {}, signal);
    const target = openTarget(tree, wanted);
    for (const file of files) await writeFile(target, file, signal);
    await target.writer.finish();
    await tree.link.barrier(signal);
  }

  async read(
    files: FileTree | ContextTree,
    path: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const name = Buffer.from(path);
    if (files instanceof StoredContext) {
      const content = await files.read(name, limit, signal);
      if (content !== undefined) return content;
    }
    await using source = await this.enterSource(await filesOf(files, signal), path, signal);
    const place = await evaluatePath(source.view, name, signal);
    return await readSmallFile(source.link, place, limit, signal);
  }

  async makeFolder(
    mounts: readonly Mount[],
    path: string,
    owner: { readonly uid: number; readonly gid: number },
    latestTime: number | null,
    signal: AbortSignal,
  ): Promise<boolean> {
    await using tree = await enterTree(this.binary, mountsTarget(mounts), {}, signal);
    const wanted = { mounts, destination: path, owner, mode: null, latestTime };
    const target = openTarget(tree, wanted);
    const { made } = await makeFolders(target, path, signal);
    await target.writer.finish();
    await tree.link.barrier(signal);
    return made;
  }

  private async digestByReading(selection: FileSelection, signal: AbortSignal): Promise<Digest> {
    return await this.readings.run(signal, async () => {
      const files = await filesOf(selection.files, signal);
      await using source = await this.enterSource(files, selection.path, signal);
      return await digestOf(source.view, selection, null, signal);
    });
  }

  /** Whether the item was an archive, and is unpacked. It is looked at through links of its own, left when known. */
  private async unpacked(
    target: OpenTarget,
    files: FileTree,
    item: Item,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!isRegular(item.entry) || item.entry.size === 0) return false;
    const binary = this.binary;
    const content = async function* (): AsyncGenerator<Buffer, void, void> {
      await using source = await enterTree(
        binary,
        mountsTarget(files.mounts),
        { readonly: true },
        signal,
      );
      yield* contentOf(source.link, item.path, signal);
    };
    if (!(await isArchive(content, signal))) return false;
    await unpackArchive(target, content, signal);
    return true;
  }

  private async enterSelected(
    { files, path }: FileSelection,
    signal: AbortSignal,
  ): Promise<EnteredTree> {
    return await this.enterSource(await filesOf(files, signal), path, signal);
  }

  private async copySelected(
    target: OpenTarget,
    selection: FileSelection,
    source: EnteredTree,
    isBeside: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    for (const item of await itemsOf(source.view, selection, signal)) {
      const files = await filesOf(selection.files, signal);
      if (selection.unpack && (await this.unpacked(target, files, item, signal))) continue;
      if (isBeside && isWhole(item, target.wanted)) {
        await copyWhole(target, item, signal);
      } else await copyItem(target, source.view, item, signal);
    }
  }

  private async enterSource(
    files: FileTree,
    path: string,
    signal: AbortSignal,
  ): Promise<EnteredTree> {
    if (files.mounts.length === 0) throw notFound(path);
    return await enterTree(this.binary, mountsTarget(files.mounts), { readonly: true }, signal);
  }

  private remember(key: string, digest: Digest): void {
    this.remembered.set(key, digest);
    if (this.remembered.size <= rememberedDigests) return;
    const [oldest] = this.remembered.keys();
    if (oldest !== undefined) this.remembered.delete(oldest);
  }
}

async function writeFile(target: OpenTarget, file: SmallFile, signal: AbortSignal): Promise<void> {
  const name = Buffer.from(file.name);
  if (file.unpack && (await isArchive(file.content, signal))) {
    return await unpackArchive(target, file.content, signal);
  }
  const path = await placeOfFile(target, name, signal);
  const { owner, mode, latestTime } = target.wanted;
  const seconds = Math.floor(file.modifiedAt / 1_000);
  const isLate = latestTime !== null && seconds >= latestTime;
  const metadata = {
    mode: mode === null ? file.mode : parseMode(mode)(file.mode, false),
    uid: owner?.uid ?? 0,
    gid: owner?.gid ?? 0,
    modifiedSeconds: isLate ? latestTime : seconds,
    modifiedNanoseconds: isLate ? 0 : (file.modifiedAt % 1_000) * 1_000_000,
  };
  if (file.size <= inlineFileSize) {
    const parts: Uint8Array[] = [];
    for await (const chunk of file.content()) parts.push(chunk);
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    await target.writer.smallFile(path, metadata, noAttributes, size, parts);
  } else {
    await target.writer.beginFile(path, metadata, file.size);
    let offset = 0;
    for await (const chunk of file.content()) {
      await target.writer.data(offset, chunk);
      offset += chunk.length;
    }
    await target.writer.endFile(metadata, noAttributes);
  }
  await target.link.barrier(signal);
}

function openTarget(tree: EnteredTree, wanted: CopyTarget): OpenTarget {
  const { link, view } = tree;
  return { link, view, writer: new TreeWriter(link, treePolicy.keepKind), wanted };
}

function mountsTarget(mounts: readonly Mount[]): { kind: "mounts"; mounts: readonly Mount[] } {
  return { kind: "mounts", mounts };
}

async function digestOf(
  view: TreeView,
  selection: FileSelection,
  known: KnownContent,
  signal: AbortSignal,
): Promise<Digest> {
  const hash = new GatheredHash();
  for (const item of await itemsOf(view, selection, signal)) {
    await hashItem(hash, view, item, { known, mounted: selection.mounted === true }, signal);
  }
  return hash.digest();
}

/** Both, or none of them. */
async function together<One extends AsyncDisposable, Other extends AsyncDisposable>(
  beginning: Promise<One>,
  alongside: Promise<Other>,
): Promise<readonly [One, Other]> {
  const [one, other] = await Promise.allSettled([beginning, alongside]);
  if (one.status === "fulfilled" && other.status === "fulfilled") return [one.value, other.value];
  for (const each of [one, other]) {
    if (each.status === "fulfilled") await each.value[Symbol.asyncDispose]();
  }
  throw one.status === "rejected" ? one.reason : (other as PromiseRejectedResult).reason;
}

async function filesOf(files: FileTree | ContextTree, signal: AbortSignal): Promise<FileTree> {
  return isContext(files) ? await files.files(signal) : files;
}

function isContext(files: FileTree | ContextTree): files is ContextTree {
  return "entries" in files;
}
