import type { ForeignDisk, ForeignPartition } from "../../domain/foreign-disk.ts";
import type { ImageProcess, ImageRecord } from "../../domain/image.ts";
import { parseReference } from "../../domain/reference.ts";
import { DuetError } from "../../kit/errors.ts";
import { runtimeOf } from "../containers/runtime-of.ts";
import type { EngineContext } from "../context.ts";
import type { ImportDiskOptions } from "../disk-use-cases.ts";
import { importLayer } from "../images/import.ts";
import { storeForeign } from "../images/store-layer.ts";
import { damaged } from "./damaged.ts";
import { describeRoot, findRootFolder } from "./root-facts.ts";
import { mountsOf, openMount, rootTree, type FoundRoot, type OpenPartition } from "./root-tree.ts";

/**
 * Makes an image of a disk's root file system. A virtual machine of ours mounts it and reads its files: the
 * host's kernel never sees a file system that nobody vouches for.
 */
export async function importDisk(
  context: EngineContext,
  body: AsyncIterable<Uint8Array>,
  options: ImportDiskOptions,
  signal: AbortSignal,
): Promise<ImageRecord> {
  if (options.reference !== "") parseReference(options.reference);
  const runtime = runtimeOf(context, "vm");
  await using disk = await context.foreignDisks.take(body, options.format, signal);
  const open: OpenPartition = async (partition, topLevel) => {
    const root = await disk.open(partition, topLevel);
    return await runtime.openRoot({ kind: "block", disk: root }, signal);
  };
  try {
    return await importRoot(context, disk, open, options, signal);
  } catch (error) {
    throw damaged(error, signal) ?? error;
  }
}

async function importRoot(
  context: EngineContext,
  disk: ForeignDisk,
  open: OpenPartition,
  options: ImportDiskOptions,
  signal: AbortSignal,
): Promise<ImageRecord> {
  if (options.partition !== null) {
    const partition = named(disk, options.partition);
    await using session = await open(partition, false);
    const found = await findRootFolder(session, partition.fileSystem, signal);
    const root = { session, folder: found?.folder ?? "", mounts: [] };
    return await importTree(context, root, open, options, signal);
  }
  const lesser = new Set<ForeignPartition>();
  let broken: unknown;
  for (const isLast of [false, true])
    for (const partition of isLast ? lesser : disk.partitions) {
      await using session = await open(partition, false).catch((error: unknown) => {
        if (damaged(error, signal) === undefined) throw error;
        broken ??= error;
        return null;
      });
      const found = session && (await findRootFolder(session, partition.fileSystem, signal));
      if (session === null || found === null) continue;
      if (!found.isSure && !isLast && disk.partitions.length > 1) {
        lesser.add(partition);
        continue;
      }
      const mounts = await mountsOf(session, found.folder, disk, signal);
      const root = { session, folder: found.folder, mounts };
      return await importTree(context, root, open, options, signal);
    }
  if (broken !== undefined) throw broken;
  throw new DuetError("invalid", "NO_ROOT", "the disk has no root file system of Linux", {
    hint: `it has ${disk.partitions.map(described).join(", ")}`,
  });
}

/** The one that was asked for, even where it is not the first, and taken as it is. */
function named(disk: ForeignDisk, wanted: number): ForeignPartition {
  const found = disk.partitions.find(({ number }) => number === wanted);
  if (found !== undefined) return found;
  throw new DuetError(
    "not-found",
    "NO_PARTITION",
    `the disk has no partition ${wanted} with a file system that can be read`,
    { hint: `it has ${disk.partitions.map(described).join(", ")}` },
  );
}

function described(partition: ForeignPartition): string {
  const size = `${Math.ceil(partition.size / 2 ** 20)} MiB of ${partition.fileSystem}`;
  return partition.number === 0 ? size : `partition ${partition.number}: ${size}`;
}

async function importTree(
  context: EngineContext,
  root: FoundRoot,
  open: OpenPartition,
  options: ImportDiskOptions,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const process = await describe(root, open, signal);
  const { reference, changes } = options;
  const message = options.message || "Imported from a disk";
  return await importLayer(
    context,
    /* As it is: the first name in a root may begin as a packed file does. */
    () => storeForeign(context, rootTree(root, open, signal), signal),
    { reference, changes, message, platform: null },
    signal,
    process,
  );
}

/** Of a root whose programs are in a file system of their own that one is asked. */
async function describe(
  root: FoundRoot,
  open: OpenPartition,
  signal: AbortSignal,
): Promise<ImageProcess> {
  const programs = root.mounts.find(({ place }) => place === "usr");
  if (programs === undefined) return await describeRoot(root.session, root.folder, signal);
  await using session = await openMount(programs, open);
  return await describeRoot(session, programs.folder, signal, "/usr");
}
