import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DuetError } from "../../kit/errors.ts";
import { run } from "../../kit/subprocess.ts";

/** Trees with GRUB's packages: the host's own, or the one that set-up fills without installing. */
const trees = ["/", "/var/lib/duet/boot-loader"];
const maker = "usr/bin/grub-mkimage";
const sector = 512;
/** Places in boot.img that name the core image's first sector and guard against BIOSes that name no drive (grub/i386/pc/boot.h). */
const kernelSectorAt = 0x5c;
const driveCheckAt = 0x66;
const bootCodeSize = 440;
/** The place in diskboot.img, the core image's first sector, that says where its second is. */
const blockListAt = 0x1f4;
const noOperations = [0x90, 0x90];

const common = ["part_gpt", "fat", "normal", "linux", "echo"];
const firmware = {
  "i386-pc": [...common, "biosdisk"],
  "x86_64-efi": [...common, "efi_gop", "efi_uga", "video"],
};

/** A boot loader for both kinds of firmware; both read `/GRUB/GRUB.CFG` of the disk's second partition. */
export interface BootLoader {
  /** For the first 440 bytes of the disk. */
  readonly bootCode: Buffer;
  /** For the BIOS boot partition. */
  readonly core: Buffer;
  /** EFI/BOOT/BOOTX64.EFI. */
  readonly efi: Buffer;
}

/**
 * Makes GRUB's images, by way of files in `folder`; `coreAt` is the first sector of the BIOS boot partition. Throws `unavailable`
 * NO_BOOT_LOADER where GRUB's packages are missing.
 */
export async function makeBootLoader(
  coreAt: number,
  folder: string,
  signal: AbortSignal,
): Promise<BootLoader> {
  const tree = findTree();
  const modules = join(tree, "usr/lib/grub");
  const [boot, core, efi] = await Promise.all([
    readFile(join(modules, "i386-pc/boot.img")),
    makeImage(tree, "i386-pc", folder, signal),
    makeImage(tree, "x86_64-efi", folder, signal),
  ]);
  boot.writeBigUInt64LE(BigInt(coreAt), kernelSectorAt);
  boot.set(noOperations, driveCheckAt);
  core.writeBigUInt64LE(BigInt(coreAt + 1), blockListAt);
  return { bootCode: boot.subarray(0, bootCodeSize), core: wholeSectors(core), efi };
}

function findTree(): string {
  const wanted = [
    maker,
    "usr/lib/grub/i386-pc/boot.img",
    "usr/lib/grub/i386-pc/diskboot.img",
    "usr/lib/grub/x86_64-efi/kernel.img",
  ];
  const found = trees.find((tree) => wanted.every((path) => existsSync(join(tree, path))));
  if (found !== undefined) return found;
  throw new DuetError(
    "unavailable",
    "NO_BOOT_LOADER",
    "this host has no boot loader for disks · GRUB's tools and modules for BIOS and UEFI are missing",
    {
      hint: "run `npm run setup`, or install the packages grub-common, grub-pc-bin and grub-efi-amd64-bin",
    },
  );
}

/* GRUB's tool makes sure that its output is on disk, which a pipe cannot answer. */
async function makeImage(
  tree: string,
  target: keyof typeof firmware,
  folder: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const output = join(folder, target);
  const place = ["-O", target, "-d", join(tree, "usr/lib/grub", target), "-o", output];
  const words = [...place, "-p", "(,gpt2)/grub", ...firmware[target]];
  await run(join(tree, maker), words, { signal });
  return await readFile(output);
}

function wholeSectors(image: Buffer): Buffer {
  return Buffer.concat([image, Buffer.alloc((sector - (image.length % sector)) % sector)]);
}
