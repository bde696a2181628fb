import { constants } from "node:fs";
import { chown, open, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { seedFiles, seedTarget } from "../../domain/machine-seed.ts";
import type { WorkloadSpec } from "../../domain/runtime.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { isoDisk, type IsoFile } from "../../kit/iso9660.ts";

/** What cloud-init looks for a disk by (its documentation, "NoCloud"). */
const label = "cidata";
const largestFile = 1 << 20;

/**
 * Writes what a machine is told of itself at its start, as the disk that cloud-init's NoCloud reads: files that
 * are mounted at `/cidata`, or a folder that has them. Gives its path in `directory`, readable by `uid`; null where none is
 * asked for. Throws `invalid` SEED_INVALID for what is no file of at most 1 MiB.
 */
export async function writeSeed(
  spec: Pick<WorkloadSpec, "id" | "hostname" | "mounts">,
  directory: string,
  uid: number,
): Promise<string | null> {
  if (spec.mounts.length === 0) return null;
  const files = new Map<string, Buffer>();
  for (const { source, target } of spec.mounts) {
    const isWhole = target === seedTarget;
    for (const name of isWhole ? seedFiles : [basename(target)]) {
      const content = await contentOf(isWhole ? join(source, name) : source, isWhole);
      if (content !== undefined) files.set(name, content);
    }
  }
  if (files.size === 0)
    throw invalid(`${seedTarget} has none of ${seedFiles.join(", ")}`, spec.mounts[0]?.source);
  const isoFiles: IsoFile[] = [...files].map(([name, content]) => ({ name, content }));
  /* Both have to be there. A guest takes another name of its instance for another machine. */
  if (!files.has("user-data"))
    isoFiles.push({ name: "user-data", content: Buffer.from("#cloud-config\n") });
  if (!files.has("meta-data")) {
    const text = `instance-id: ${spec.id}\nlocal-hostname: ${spec.hostname}\n`;
    isoFiles.push({ name: "meta-data", content: Buffer.from(text) });
  }
  const path = join(directory, "seed.iso");
  await writeFile(path, isoDisk(label, isoFiles), { mode: 0o400, flag: "wx" });
  await chown(path, uid, uid);
  return path;
}

/** In a folder a name is no link: who may write there need not be who may have other files read. */
async function contentOf(path: string, isInFolder: boolean): Promise<Buffer | undefined> {
  const noLink = isInFolder ? constants.O_NOFOLLOW : 0;
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | noLink);
    const found = await file.stat();
    const { size } = found;
    if (!found.isFile()) throw invalid("it is no file", path);
    if (size > largestFile) throw invalid("it has over 1 MiB", path);
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    const errno = errnoOf(error);
    if (isInFolder && errno === "ENOENT") return undefined;
    if (errno === "ELOOP") throw invalid("it is a link", path);
    if (error instanceof DuetError || errno === undefined) throw error;
    throw invalid(`it cannot be read (${errno})`, path);
  }
}

function invalid(why: string, path: string | undefined): DuetError {
  return new DuetError("invalid", "SEED_INVALID", `the machine's seed cannot be used · ${why}`, {
    subject: path ?? "",
  });
}
