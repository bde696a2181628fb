import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { digestHex, isDigest } from "../../domain/digest.ts";
import type { ChainId } from "../../domain/image.ts";
import type { Mount } from "../../domain/mount.ts";
import { withDeadline } from "../../kit/abort.ts";
import { syncFolder } from "../../kit/atomic-file.ts";
import { errnoOf } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { Log } from "../../kit/log.ts";
import { runBesideTree } from "../../kit/tree/enter.ts";

/** What a block snapshotter must know of the layers that its disks are made from. */
export interface LayerViews {
  view(chain: ChainId | null): Promise<readonly Mount[]>;
  measure(chain: ChainId | null): { readonly size: number; readonly entries: number };
}

export interface DiskSizePolicy {
  /** Bytes that a guest sees at least. */
  readonly minimum: number;
  /** Bytes that it has free at least beside the image's own. */
  readonly free: number;
}

/** mke2fs looks through a folder for every name that it adds: a folder of a million files would take days. */
const makeMilliseconds = 600_000;
const makeFileSystem = "/usr/sbin/mke2fs";
const mebibyte = 2 ** 20;
/** The smallest that ext4 keeps a tree's metadata in, by member. */
const bytesPerMember = 1_024;
const bytesPerInode = 16_384;

/**
 * Raw ext4 disks with the merged layers of a chain, one a chain, never written again: `base/<hex>.ext4`
 * (`base/none.ext4` for no layers).
 */
export class BaseDisks {
  private readonly directory: string;
  private readonly stage: string;
  private readonly locks = new KeyedLock();
  private readonly options: {
    readonly binary: string;
    readonly layers: LayerViews;
    readonly size: DiskSizePolicy;
    readonly log: Log;
  };

  constructor(directory: string, options: BaseDisks["options"]) {
    this.directory = join(directory, "base");
    this.stage = join(directory, "stage");
    this.options = options;
  }

  async load(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o711 });
    await mkdir(this.stage, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.directory)) {
      if (name.startsWith(".")) await rm(join(this.directory, name), { force: true });
    }
  }

  path(chain: ChainId | null): string {
    return join(this.directory, `${chain === null ? "none" : digestHex(chain)}.ext4`);
  }

  /** Path and size of the chain's disk; makes it where it is missing. */
  async get(
    chain: ChainId | null,
    signal: AbortSignal,
  ): Promise<{ readonly path: string; readonly size: number }> {
    const path = this.path(chain);
    const there = await sizeOf(path);
    if (there !== undefined) return { path, size: there };
    return await this.locks.run(path, signal, async () => {
      const meanwhile = await sizeOf(path);
      return { path, size: meanwhile ?? (await this.make(chain, path, signal)) };
    });
  }

  /** Bytes that the chain's disk takes of the host's; 0 where there is none. */
  async allocated(chain: ChainId): Promise<number> {
    try {
      return (await stat(this.path(chain))).blocks * 512;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return 0;
      throw error;
    }
  }

  async remove(chain: ChainId): Promise<void> {
    await rm(this.path(chain), { force: true });
  }

  async list(): Promise<readonly ChainId[]> {
    const names = await readdir(this.directory);
    return names.map((name) => `sha256:${name.replace(/\.ext4$/, "")}`).filter(isDigest);
  }

  private async make(chain: ChainId | null, path: string, signal: AbortSignal): Promise<number> {
    const begun = performance.now();
    const { size: content, entries } = this.options.layers.measure(chain);
    const size = diskSize(content, entries, this.options.size);
    const temporary = join(this.directory, `.tmp-${randomBytes(8).toString("hex")}`);
    try {
      const file = await open(temporary, "wx", 0o600);
      await file.truncate(size);
      await file.close();
      await runBesideTree(
        this.options.binary,
        {
          mounts: await this.options.layers.view(chain),
          stage: this.stage,
          argv: mke2fsArguments(temporary, this.stage, chain, size, entries),
        },
        withDeadline(signal, makeMilliseconds, "making a disk of an image"),
      );
      await chmod(temporary, 0o444);
      await flush(temporary);
      await failpoint("disk.base-made");
      await rename(temporary, path);
      await syncFolder(this.directory);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    const milliseconds = Math.round(performance.now() - begun);
    this.options.log.info("base-disk-made", { chain, content, entries, milliseconds });
    return size;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    await using file = await open(path, "r");
    return (await file.stat()).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function flush(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

/** Whole mebibytes: the image's content with ext4's own needs, and room to work. */
export function diskSize(content: number, entries: number, policy: DiskSizePolicy): number {
  const used = Math.ceil(content * 1.1) + entries * (bytesPerMember + 4_096);
  const wanted = Math.max(policy.minimum, used + policy.free);
  return Math.ceil(wanted / mebibyte) * mebibyte;
}

/** Same chain, same disk: identifiers are derived from it. A small journal, since the root is one of many. */
function mke2fsArguments(
  disk: string,
  root: string,
  chain: ChainId | null,
  size: number,
  entries: number,
): readonly string[] {
  const hash = createHash("sha256")
    .update(`duet root ${chain ?? ""}`)
    .digest("hex");
  const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  const inodes = Math.max(Math.ceil(size / bytesPerInode), entries * 2 + 1_000);
  return [
    makeFileSystem,
    "-q",
    "-F",
    "-t",
    "ext4",
    "-b",
    "4096",
    "-I",
    "256",
    "-N",
    String(inodes),
    "-m",
    "0",
    /* Checksums of every block that is looked at: mke2fs takes twice as long, an emulated guest more. */
    "-O",
    "^metadata_csum",
    "-J",
    "size=8",
    "-L",
    "duet-root",
    "-U",
    uuid,
    "-E",
    `root_owner=0:0,hash_seed=${uuid},lazy_journal_init=1`,
    "-d",
    root,
    disk,
  ];
}
