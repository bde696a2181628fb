import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, readdir, rm, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { BootDisk, BootDiskRequest, BootDisks } from "../../domain/boot-disk.ts";
import type { ChainId } from "../../domain/image.ts";
import type { Mount } from "../../domain/mount.ts";
import { withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { Log } from "../../kit/log.ts";
import { Scope } from "../../kit/scope.ts";
import { writeAll } from "../../kit/write-all.ts";
import { runBesideTree } from "../../kit/tree/enter.ts";
import { convertDisk } from "./convert.ts";
import { fatParts, type DiskPart } from "./fat.ts";
import { gptParts, partitionType, sectorSize } from "./gpt.ts";
import { makeBootLoader, type BootLoader } from "./grub.ts";
import { bootInitramfs, type BootKernel } from "./initramfs.ts";
import { Identifiers, layOut, spanBytes, type DiskLayout } from "./layout.ts";
import { writeOva } from "./ova.ts";
import { vmdkIdentity } from "./vmdk-descriptor.ts";

export interface BootDiskOptions {
  /** Absolute path of a folder of its own, for disks under way; made where missing. */
  readonly directory: string;
  /** Absolute paths of duet-rootfs and duet-boot. */
  readonly tools: { readonly rootfs: string; readonly init: string };
  readonly layers: {
    view(chain: ChainId | null): Promise<readonly Mount[]>;
    measure(chain: ChainId | null): { readonly size: number; readonly entries: number };
  };
  /** The newest kernel that will do, or the one of that release. Throws `unavailable` NO_KERNEL. */
  kernel(release: string | null): Promise<BootKernel>;
  readonly log: Log;
}

const makeMilliseconds = 1_800_000;
const makeFileSystem = "/usr/sbin/mke2fs";
/** What the loader starts; the last console is the one that programs write to. */
const kernelParameters =
  "console=tty0 console=ttyS0,115200n8 quiet loglevel=3 panic=10 consoleblank=0";

/** Makes disks in `directory`, and removes there what an earlier daemon left. */
export async function createBootDisks(options: BootDiskOptions): Promise<BootDisks> {
  await mkdir(options.directory, { recursive: true, mode: 0o711 });
  for (const name of await readdir(options.directory))
    await rm(join(options.directory, name), { recursive: true, force: true });
  const stage = join(options.directory, "stage");
  await mkdir(stage, { mode: 0o700 });
  return { make: (request, signal) => makeDisk(options, stage, request, signal) };
}

async function makeDisk(
  options: BootDiskOptions,
  stage: string,
  request: BootDiskRequest,
  signal: AbortSignal,
): Promise<BootDisk> {
  if (process.arch !== "x64") {
    throw new DuetError(
      "unsupported",
      "ARCHITECTURE",
      `disks that boot are made on amd64 only · this host is ${process.arch}`,
    );
  }
  const begun = performance.now();
  const until = withDeadline(signal, makeMilliseconds, "making a disk of an image");
  await using scope = new Scope();
  const folder = join(options.directory, randomBytes(8).toString("hex"));
  await mkdir(folder, { mode: 0o711 });
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const raw = join(folder, "disk.raw");
  // One disk in several formats has the same content in each.
  const { format: _, ...described } = request;
  const identifiers = new Identifiers(request.epoch === null ? null : JSON.stringify(described));
  await writeDisk(options, { folder, raw, stage }, request, identifiers, until);
  await failpoint("boot-disk.written");
  const path = await inFormat(request, { folder, raw, identifiers }, until);
  const { size } = await stat(path);
  const milliseconds = Math.round(performance.now() - begun);
  options.log.info("boot-disk-made", { format: request.format, size, milliseconds });
  scope.commit();
  return {
    size,
    read: () => createReadStream(path, { highWaterMark: 1 << 20 }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function inFormat(
  request: BootDiskRequest,
  made: { readonly folder: string; readonly raw: string; readonly identifiers: Identifiers },
  signal: AbortSignal,
): Promise<string> {
  const { format, name, epoch } = request;
  if (format === "raw") return made.raw;
  const path = join(made.folder, `disk.${format}`);
  const { size } = await stat(made.raw);
  const source = { path: made.raw, size };
  if (format === "ova") {
    const facts = { name, epoch, identity: vmdkIdentity(made.identifiers) };
    await writeOva(path, source, facts, signal);
  } else {
    await convertDisk(source, { path, format }, made.identifiers, signal);
  }
  await rm(made.raw);
  return path;
}

interface Places {
  readonly folder: string;
  readonly raw: string;
  readonly stage: string;
}

async function writeDisk(
  options: BootDiskOptions,
  places: Places,
  request: BootDiskRequest,
  identifiers: Identifiers,
  signal: AbortSignal,
): Promise<void> {
  const rootId = identifiers.uuid("root file system");
  const kernel = await options.kernel(request.kernel);
  const [image, initramfs] = await Promise.all([
    readFile(kernel.image),
    bootInitramfs(kernel, options.tools.init, request, rootId, signal),
  ]);
  const content = options.layers.measure(request.chain);
  const layout = layOut(request.size, content, image.length + initramfs.length);
  const loader = await makeBootLoader(layout.biosBoot.first, places.folder, signal);
  const file = await open(places.raw, "wx", 0o600);
  try {
    await file.truncate(layout.sectors * sectorSize);
    await writeParts(file, partitionTable(layout, loader, identifiers), 0);
    await writeParts(file, [{ offset: 0, data: loader.core }], layout.biosBoot.first * sectorSize);
    const boot = bootPartition(layout, { image, initramfs, loader }, identifiers);
    await writeParts(file, boot, layout.efiSystem.first * sectorSize);
  } finally {
    await file.close();
  }
  await runBesideTree(
    options.tools.rootfs,
    {
      mounts: await options.layers.view(request.chain),
      stage: places.stage,
      argv: rootArguments(places, layout, {
        rootId,
        entries: content.entries,
        epoch: request.epoch,
      }),
    },
    signal,
  );
}

function partitionTable(
  layout: DiskLayout,
  loader: BootLoader,
  identifiers: Identifiers,
): readonly DiskPart[] {
  const id = (name: string): { readonly id: string; readonly name: string } => ({
    id: identifiers.uuid(name),
    name,
  });
  return gptParts(
    layout.sectors,
    identifiers.uuid("disk"),
    [
      { ...layout.biosBoot, type: partitionType.biosBoot, ...id("bios-boot") },
      { ...layout.efiSystem, type: partitionType.efiSystem, ...id("efi-system") },
      { ...layout.root, type: partitionType.linuxRoot, ...id("root") },
    ],
    loader.bootCode,
  );
}

function bootPartition(
  layout: DiskLayout,
  files: { readonly image: Buffer; readonly initramfs: Buffer; readonly loader: BootLoader },
  identifiers: Identifiers,
): readonly DiskPart[] {
  const menu = `linux /VMLINUZ ${kernelParameters}\ninitrd /INITRD.IMG\nboot\n`;
  return fatParts(
    spanBytes(layout.efiSystem),
    [
      ...files.loader.efi,
      ...files.loader.menus.map((path) => ({ path, content: Buffer.from(menu) })),
      { path: "VMLINUZ", content: files.image },
      { path: "INITRD.IMG", content: files.initramfs },
    ],
    { serial: identifiers.number("fat"), label: "DUET-BOOT", hidden: layout.efiSystem.first },
  );
}

async function writeParts(
  file: FileHandle,
  parts: readonly DiskPart[],
  base: number,
): Promise<void> {
  for (const { offset, data } of parts) await writeAll(file, data, base + offset);
}

/** As the disks of VMs out of the store (decision 13), at a place in a larger file. */
function rootArguments(
  places: Places,
  layout: DiskLayout,
  facts: { readonly rootId: string; readonly entries: number; readonly epoch: number | null },
): readonly string[] {
  const bytes = spanBytes(layout.root);
  const inodes = Math.max(Math.ceil(bytes / 16_384), facts.entries * 2 + 1_000);
  const offset = layout.root.first * sectorSize;
  const extended = `root_owner=0:0,hash_seed=${facts.rootId},lazy_journal_init=1,offset=${offset}`;
  const time = facts.epoch === null ? [] : ["/usr/bin/env", `E2FSPROGS_FAKE_TIME=${facts.epoch}`];
  return [
    ...[...time, makeFileSystem, "-q", "-F", "-t", "ext4", "-b", "4096", "-I", "256"],
    ...["-N", String(inodes), "-m", "0", "-O", "^metadata_csum", "-L", "duet-root"],
    ...["-U", facts.rootId, "-E", extended, "-d", places.stage],
    ...[places.raw, `${Math.floor(bytes / 1024)}k`],
  ];
}
