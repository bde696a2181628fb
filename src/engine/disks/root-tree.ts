import type { ForeignDisk, ForeignPartition } from "../../domain/foreign-disk.ts";
import type { RootfsSession } from "../../domain/rootfs.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { tarEnd } from "../../kit/tar/writer.ts";
import { fstabMounts, type FstabMount } from "./fstab.ts";

/** Opens a file system of the disk in a machine. */
export type OpenPartition = (
  partition: ForeignPartition,
  topLevel: boolean,
) => Promise<RootfsSession>;

/** A root as its machine would see it. */
export interface FoundRoot {
  readonly session: RootfsSession;
  /** "" for the file system itself. */
  readonly folder: string;
  readonly mounts: readonly FstabMount[];
}

/**
 * What the root's fstab mounts from the same disk. Throws `invalid` NO_ROOT where it mounts a /usr that is not
 * there: nothing of such a root would run; `unsupported` DISK_UNSUPPORTED where a part of it would be left out.
 */
export async function mountsOf(
  session: RootfsSession,
  folder: string,
  disk: ForeignDisk,
  signal: AbortSignal,
): Promise<readonly FstabMount[]> {
  const text = await readFstab(session, folder, signal);
  const { mounts, missing, refused } = fstabMounts(text, disk);
  const [[lacking], [why]] = [missing, refused];
  if (why !== undefined)
    throw new DuetError(
      "unsupported",
      "DISK_UNSUPPORTED",
      `cannot read the disk: its fstab ${why}`,
      {
        hint: "--partition takes the root's partition as it is",
      },
    );
  if (lacking === undefined) return mounts;
  throw new DuetError("invalid", "NO_ROOT", `the root's ${lacking} is not on the disk`, {
    hint: "its fstab mounts it from elsewhere; --partition takes the root's partition as it is",
  });
}

async function readFstab(
  session: RootfsSession,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  try {
    return (await session.readFile(`${folder}/etc/fstab`, 64 << 10, signal)).toString("utf8");
  } catch (error) {
    if (isDuetError(error) && ["not-found", "invalid", "denied", "too-large"].includes(error.class))
      return "";
    throw error;
  }
}

/** The root and what is mounted in it as one tar: one machine after another, each for its part. */
export async function* rootTree(
  root: FoundRoot,
  open: OpenPartition,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const places = root.mounts.map(({ place }) => place);
  yield* root.session.members(root.folder || "/", "", places, signal);
  for (const mount of root.mounts) {
    const below = places.filter((place) => place.startsWith(`${mount.place}/`));
    await using session = await openMount(mount, open);
    yield* session.members(mount.folder || "/", mount.place, below, signal);
  }
  yield tarEnd;
}

export async function openMount(mount: FstabMount, open: OpenPartition): Promise<RootfsSession> {
  return await open(mount.partition, mount.folder !== "");
}
