import type { ForeignDisk, ForeignPartition } from "../../domain/foreign-disk.ts";
import type { ImageRecord } from "../../domain/image.ts";
import { parseReference } from "../../domain/reference.ts";
import type { RootfsSession } from "../../domain/rootfs.ts";
import type { BlockDisk } from "../../domain/snapshot.ts";
import { DuetError } from "../../kit/errors.ts";
import { runtimeOf } from "../containers/runtime-of.ts";
import type { EngineContext } from "../context.ts";
import type { ImportDiskOptions } from "../disk-use-cases.ts";
import { importImage } from "../images/import.ts";
import { describeRoot, findRootFolder } from "./root-facts.ts";

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
  for (const partition of candidates(disk, options.partition)) {
    const root: BlockDisk = await disk.open(partition);
    await using session = await runtime.openRoot({ kind: "block", disk: root }, signal);
    const folder = await findRootFolder(session, partition.fileSystem, signal);
    /* A partition that was named is taken as it is. */
    if (folder === null && options.partition === null) continue;
    return await importTree(context, session, folder ?? "", options, signal);
  }
  throw new DuetError("invalid", "NO_ROOT", "the disk has no root file system of Linux", {
    hint: `it has ${disk.partitions.map(described).join(", ")}`,
  });
}

/** The one that was asked for, even where it is not the first. */
function candidates(disk: ForeignDisk, wanted: number | null): readonly ForeignPartition[] {
  if (wanted === null) return disk.partitions;
  const found = disk.partitions.filter(({ number }) => number === wanted);
  if (found.length > 0) return found;
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
  session: RootfsSession,
  folder: string,
  options: ImportDiskOptions,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const process = await describeRoot(session, folder, signal);
  const tar = folder === "" ? session.wholeTree(signal) : session.archive(`${folder}/.`, signal);
  const { reference, changes } = options;
  const message = options.message || "Imported from a disk";
  return await importImage(
    context,
    tar,
    { reference, changes, message, platform: null },
    signal,
    process,
  );
}
