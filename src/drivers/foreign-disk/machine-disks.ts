import { randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { digestHex, isDigest } from "../../domain/digest.ts";
import type { ChainId } from "../../domain/image.ts";
import type { RootfsAccess, RootfsSession } from "../../domain/rootfs.ts";
import type {
  MachineDisk,
  RootSource,
  SnapshotList,
  Snapshotter,
  UnpackRequest,
} from "../../domain/snapshot.ts";
import { syncFolder } from "../../kit/atomic-file.ts";
import { DuetError, errnoOf, isDuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { Log } from "../../kit/log.ts";
import { OverlayDisks } from "../../kit/overlay-disks.ts";
import { removeWhole } from "../../kit/snapshot-folder.ts";
import { writeSparse } from "../../kit/sparse-file.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { factsOf, readerOf } from "./foreign-disk.ts";
import { largestDisk } from "./headers.ts";
import { firmwareFor } from "./partitions.ts";
import { diskTooLarge, refused } from "./refused.ts";

export interface MachineDiskOptions {
  /** Absolute path of a folder of its own; made where missing. */
  readonly directory: string;
  /** Where layers are unpacked. */
  readonly layers: Snapshotter;
  readonly rootfs: RootfsAccess;
  readonly log: Log;
}

/** Where KubeVirt's containerDisk has its one file. */
const folder = "/disk";
const diskName = "disk";
const factsName = "facts.json";
const mostMembers = 16;

type Facts = Omit<MachineDisk, "path" | "base"> & { readonly format: "raw" | "qcow2" };

/**
 * Roots for machines that boot their own disk: the one file of an image's `/disk`, taken out when it is first
 * wanted, and an empty copy-on-write disk over it a container. On disk: `base/<hex>/disk` and `facts.json`, and
 * `w/` (kit/overlay-disks.ts), whose parents are chains.
 */
export async function createMachineDisks(options: MachineDiskOptions): Promise<Snapshotter> {
  const base = join(options.directory, "base");
  await mkdir(base, { recursive: true, mode: 0o711 });
  for (const child of await readdir(base))
    if (child.startsWith(".")) await rm(join(base, child), { recursive: true, force: true });
  const writable = new OverlayDisks(join(options.directory, "w"));
  await writable.load(0o711);
  await chmod(options.directory, 0o711);
  return new MachineDisks(options, writable);
}

class MachineDisks implements Snapshotter {
  readonly kind = "machine";
  private readonly options: MachineDiskOptions;
  private readonly writable: OverlayDisks;
  private readonly locks = new KeyedLock();

  constructor(options: MachineDiskOptions, writable: OverlayDisks) {
    this.options = options;
    this.writable = writable;
  }

  async has(chain: ChainId): Promise<boolean> {
    return await this.options.layers.has(chain);
  }

  async unpack(request: UnpackRequest, signal: AbortSignal): Promise<void> {
    await this.options.layers.unpack(request, signal);
  }

  async suits(chain: ChainId | null, signal: AbortSignal): Promise<boolean> {
    if (chain === null) return false;
    await using session = await this.open(chain, signal);
    try {
      return isFolder((await session.stat(folder, false, signal)).mode);
    } catch (error) {
      if (isDuetError(error, "not-found") || isDuetError(error, "invalid")) return false;
      throw error;
    }
  }

  async prepare(
    key: string,
    parent: ChainId | null,
    signal: AbortSignal,
    wanted?: number,
  ): Promise<RootSource> {
    if (parent === null) throw refused("the image is empty");
    const facts = await this.baseOf(parent, signal);
    const size = wanted ?? facts.size;
    if (size < facts.size) throw tooSmall(size, facts.size);
    if (size > largestDisk) throw diskTooLarge("it is to have over 2 TiB");
    const backing = { path: this.basePath(parent), size };
    await this.writable.makeOver(key, parent, backing, () => failpoint("machine-disk.prepared"));
    return this.source(key, parent, { ...facts, size });
  }

  async root(key: string): Promise<RootSource> {
    const parent = await this.writable.parent(key, isDigest);
    const facts = parent === null ? undefined : await this.facts(parent);
    if (parent === null || facts === undefined)
      throw new DuetError("corrupt", "SNAPSHOT_DAMAGED", `the disk ${key} has lost its image's`);
    return this.source(key, parent, facts);
  }

  async remove(key: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.writable.remove(key);
  }

  async committedSize(chain: ChainId): Promise<number> {
    const found = await stat(this.basePath(chain)).catch(() => undefined);
    return (found?.blocks ?? 0) * 512;
  }

  async removeCommitted(chain: ChainId, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await removeWhole(this.path("base", digestHex(chain)));
  }

  async usage(key: string): Promise<number> {
    return await this.writable.usage(key);
  }

  async list(): Promise<SnapshotList> {
    const [writable, committed] = await Promise.all([
      this.writable.keys(),
      readdir(this.path("base")),
    ]);
    return {
      writable,
      committed: committed.map((name) => `sha256:${name}`).filter(isDigest),
    };
  }

  private path(...names: readonly string[]): string {
    return join(this.options.directory, ...names);
  }

  private basePath(chain: ChainId): string {
    return this.path("base", digestHex(chain), diskName);
  }

  private source(key: string, parent: ChainId, facts: Facts): RootSource {
    const { size, firmware, format } = facts;
    const path = this.writable.disk(key);
    const base = { path: this.basePath(parent), format };
    return { kind: "machine", disk: { path, size, base, firmware } };
  }

  private async facts(chain: ChainId): Promise<Facts | undefined> {
    let text: string;
    try {
      text = await readFile(this.path("base", digestHex(chain), factsName), "utf8");
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
    const { size, format, firmware } = JSON.parse(text) as Partial<Facts>;
    if (typeof size !== "number" || (format !== "raw" && format !== "qcow2")) return undefined;
    return { size, format, firmware: firmware === "uefi" ? "uefi" : "bios" };
  }

  private async baseOf(chain: ChainId, signal: AbortSignal): Promise<Facts> {
    return await this.locks.run(chain, signal, async () => {
      return (await this.facts(chain)) ?? (await this.take(chain, signal));
    });
  }

  /** A copy of the image's file: of a user whom no account has, and read by every machine. */
  private async take(chain: ChainId, signal: AbortSignal): Promise<Facts> {
    const temporary = this.path("base", `.tmp-${randomBytes(8).toString("hex")}`);
    await mkdir(temporary, { mode: 0o711 });
    try {
      const path = join(temporary, diskName);
      await using session = await this.open(chain, signal);
      await takeOnly(session, path, signal);
      const { driver, size } = await factsOf(path, null);
      if (driver !== "raw" && driver !== "qcow2")
        throw refused(`a containerDisk has a raw or qcow2 disk, and this one is ${driver}`);
      const firmware = await firmwareFor(readerOf(temporary, path, { driver, size }, signal), size);
      await chown(path, 0, 0);
      await chmod(path, 0o444);
      const facts: Facts = { size, format: driver, firmware };
      await writeFile(join(temporary, factsName), JSON.stringify(facts), { flush: true });
      await failpoint("machine-disk.taken");
      await rename(temporary, this.path("base", digestHex(chain)));
      await syncFolder(this.path("base"));
      this.options.log.info("machine-disk-taken", { chain, ...facts });
      return facts;
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      throw error;
    }
  }

  private async open(chain: ChainId, signal: AbortSignal): Promise<RootfsSession> {
    const mounts = (await this.options.layers.view?.(chain)) ?? [];
    return await this.options.rootfs.open({ kind: "mounts", mounts, readonly: true }, signal);
  }
}

/** Writes the one file of the image's `/disk` to `path`. Throws `invalid` DISK_REFUSED where it is not one. */
async function takeOnly(session: RootfsSession, path: string, signal: AbortSignal): Promise<void> {
  const limits = { entries: mostMembers, totalSize: largestDisk };
  let taken = "";
  for await (const entry of readTar(session.archive(folder, signal), limits)) {
    const name = entry.name.toString("utf8").replace(/\/$/, "");
    if (entry.kind === "directory" && name === folder.slice(1)) continue;
    if (entry.kind !== "file")
      throw refused(`the image's ${folder} has ${JSON.stringify(name)}, which is no file`);
    if (taken !== "") throw refused(`the image has two disks, ${taken} and ${name}`);
    taken = name;
    await using file = await open(path, "wx", 0o600);
    await writeSparse(file, entry.content());
    await file.sync();
  }
  if (taken === "") throw refused(`the image's ${folder} has no disk`);
}

function tooSmall(wanted: number, size: number): DuetError {
  return new DuetError(
    "invalid",
    "DISK_TOO_SMALL",
    `the machine's disk is too small for the image · ${wanted} bytes instead of at least ${size}`,
    { hint: "a disk can grow, not shrink" },
  );
}

function isFolder(mode: number): boolean {
  return (mode & 0o170000) === 0o040000;
}
