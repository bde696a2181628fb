import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ForeignDisk, ForeignDisks, ForeignFormat } from "../../domain/foreign-disk.ts";
import { confinedUser, runConfined } from "../../kit/confined.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Log } from "../../kit/log.ts";
import { writeOverlayDisk } from "../../kit/qcow2.ts";
import { Scope } from "../../kit/scope.ts";
import { writeSparse } from "../../kit/sparse-file.ts";
import { headBytes, inspectHead, type DiskFacts } from "./headers.ts";
import { unpackOva } from "./ova.ts";
import { findRoots, type ReadDisk } from "./partitions.ts";
import { refused } from "./refused.ts";
import { checkDirectory, footerBytes } from "./vmdk-footer.ts";

export interface ForeignDiskOptions {
  /** Absolute path of a folder of its own; made where missing. */
  readonly directory: string;
  readonly log: Log;
}

/** Takes disks into `directory`, and removes there what an earlier daemon left. */
export async function createForeignDisks(options: ForeignDiskOptions): Promise<ForeignDisks> {
  await mkdir(options.directory, { recursive: true, mode: 0o711 });
  for (const name of await readdir(options.directory))
    await rm(join(options.directory, name), { recursive: true, force: true });
  return { take: (body, format, signal) => take(options, body, format, signal) };
}

async function take(
  options: ForeignDiskOptions,
  body: AsyncIterable<Uint8Array>,
  format: ForeignFormat | null,
  signal: AbortSignal,
): Promise<ForeignDisk> {
  await using scope = new Scope();
  const folder = join(options.directory, randomBytes(8).toString("hex"));
  await mkdir(folder, { mode: 0o711 });
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "disk");
  const isOva = await receive(body, format, folder, path);
  await failpoint("foreign-disk.received");
  const named = format === "ova" || format === null ? null : format;
  const facts = await factsOf(path, isOva ? "vmdk" : named);
  const partitions = await findRoots(readerOf(folder, path, facts, signal), facts.size);
  options.log.info("foreign-disk-taken", { ...facts, partitions });
  scope.commit();
  return {
    partitions,
    open: async ({ number, offset, size, fileSystem }, topLevel = false) => {
      /* Journals are replayed at mounting, also where nothing is to be written. */
      const overlay = join(folder, `overlay-${number}-${randomBytes(4).toString("hex")}`);
      await writeOverlayDisk(overlay, path, size);
      await chmod(path, 0o444);
      const over = { path, format: facts.driver, offset, topLevel };
      return { path: overlay, format: "qcow2", size, fileSystem, foreign: over };
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A tar's mark is behind its first name. */
const tarMarkAt = 257;
const tarMark = "ustar";

/** Writes what comes to `path`; of an appliance its disk. Gives whether it was one. */
async function receive(
  body: AsyncIterable<Uint8Array>,
  format: ForeignFormat | null,
  folder: string,
  path: string,
): Promise<boolean> {
  const iterator = body[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let size = 0;
  while (size < tarMarkAt + tarMark.length) {
    const item = await iterator.next();
    if (item.done === true) break;
    first.push(item.value);
    size += item.value.length;
  }
  const head = Buffer.concat(first);
  const whole = rejoined(head, iterator);
  const isTar = head.toString("latin1", tarMarkAt, tarMarkAt + tarMark.length) === tarMark;
  if (format === "ova" || (format === null && isTar)) {
    await rename(await unpackOva(whole, folder), path);
    return true;
  }
  const file = await open(path, "wx", 0o600);
  try {
    await writeSparse(file, whole);
  } finally {
    await file.close();
  }
  return false;
}

async function* rejoined(
  head: Buffer,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    if (head.length > 0) yield head;
    for (let item = await rest.next(); item.done !== true; item = await rest.next())
      yield item.value;
  } finally {
    await rest.return?.();
  }
}

/** What the file says it is, checked; see headers.ts. */
export async function factsOf(path: string, named: DiskFacts["driver"] | null): Promise<DiskFacts> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(headBytes, size));
    await file.read(head, 0, head.length, 0);
    const facts = inspectHead(head, size, named);
    if (facts.driver === "vmdk") {
      const tail = Buffer.alloc(Math.min(footerBytes, size));
      await file.read(tail, 0, tail.length, size - tail.length);
      checkDirectory(head, tail, size);
    }
    return facts;
  } finally {
    await file.close();
  }
}

/** Reads pieces of the disk as a machine would see it: with qemu-img, confined, where it is not raw. */
export function readerOf(
  folder: string,
  path: string,
  facts: DiskFacts,
  signal: AbortSignal,
): ReadDisk {
  return async (offset, size) => {
    const length = Math.max(0, Math.min(size, facts.size - offset));
    if (length === 0) return Buffer.alloc(0);
    return facts.driver === "raw"
      ? await readRaw(path, offset, length)
      : await readWithQemu(folder, path, facts, { offset, length }, signal);
  };
}

async function readRaw(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const bytes = Buffer.alloc(length);
    await file.read(bytes, 0, length, offset);
    return bytes;
  } finally {
    await file.close();
  }
}

async function readWithQemu(
  folder: string,
  path: string,
  facts: DiskFacts,
  piece: { readonly offset: number; readonly length: number },
  signal: AbortSignal,
): Promise<Buffer> {
  const target = join(folder, `piece-${randomBytes(4).toString("hex")}`);
  const input = await open(path, "r");
  const output = await open(target, "wx", 0o600);
  try {
    await input.chown(confinedUser, confinedUser);
    await output.chown(confinedUser, confinedUser);
    const source = JSON.stringify({
      driver: "raw",
      offset: piece.offset,
      size: piece.length,
      file: {
        driver: facts.driver,
        ...(facts.driver === "vdi" ? {} : { backing: null }),
        file: { driver: "file", filename: "/dev/fd/3" },
      },
    });
    await runConfined(["qemu-img", "convert", "-O", "raw", `json:${source}`, "/dev/fd/4"], {
      files: [input.fd, output.fd],
      largestFile: piece.length,
      signal,
    }).catch((error: unknown) => {
      throw unreadable(error) ?? error;
    });
    const bytes = await readFile(target);
    const { size } = await stat(target);
    return size === piece.length ? bytes : Buffer.concat([bytes], piece.length);
  } finally {
    await input.close();
    await output.close();
    await rm(target, { force: true });
  }
}

/** What qemu-img itself says of a disk that it cannot read: 1 is its code for that. */
function unreadable(error: unknown): DuetError | undefined {
  if (!(error instanceof DuetError) || error.code !== "PROGRAM_FAILED") return undefined;
  const detail = /exit code 1: (?:qemu-img: )?(.*)/s.exec(error.message)?.[1];
  return detail === undefined ? undefined : refused(`qemu-img cannot read it · ${detail}`);
}
