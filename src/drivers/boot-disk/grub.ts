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

/** What a distribution has signed, for firmware with Secure Boot: shim, which such firmware trusts, and GRUB, which shim does. */
const signed = {
  shim: "usr/lib/shim/shimx64.efi.signed",
  grub: "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
};
/** Ubuntu has several of each, and links what is to be used when a package is installed. */
const endings = ["", ".latest"];
/** A signed GRUB's folder of its own: a part of type 3 (include/grub/kernel.h), of which the distribution's name is the end. */
const signedPrefix = /\u0003\0{3}[^]{4}\/EFI\/([a-z]{1,8})\0/;

/** A boot loader for both kinds of firmware. */
export interface BootLoader {
  /** For the first 440 bytes of the disk. */
  readonly bootCode: Buffer;
  /** For the BIOS boot partition. */
  readonly core: Buffer;
  /** What UEFI starts, by its path on the disk's second partition. */
  readonly efi: readonly { readonly path: string; readonly content: Buffer }[];
  /** Where, on that partition, they read what to start. */
  readonly menus: readonly string[];
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
    signedLoader().then((found) => found ?? ownLoader(tree, folder, signal)),
  ]);
  boot.writeBigUInt64LE(BigInt(coreAt), kernelSectorAt);
  boot.set(noOperations, driveCheckAt);
  core.writeBigUInt64LE(BigInt(coreAt + 1), blockListAt);
  return { bootCode: boot.subarray(0, bootCodeSize), core: wholeSectors(core), ...efi };
}

type EfiLoader = Pick<BootLoader, "efi" | "menus">;
const menu = "GRUB/GRUB.CFG";

/** The distribution's signed one, where its packages are: firmware without Secure Boot starts it as well. */
async function signedLoader(): Promise<EfiLoader | undefined> {
  const paths = trees.map(
    (tree) => [inTree(tree, signed.shim), inTree(tree, signed.grub)] as const,
  );
  const pair = paths.find((both) => both.every((path) => path !== undefined));
  if (pair?.[0] === undefined || pair[1] === undefined) return undefined;
  const [shim, grub] = await Promise.all([readFile(pair[0]), readFile(pair[1])]);
  const name = signedPrefix.exec(grub.toString("latin1"))?.[1];
  if (name === undefined) return undefined;
  return {
    efi: [
      { path: "EFI/BOOT/BOOTX64.EFI", content: shim },
      { path: "EFI/BOOT/GRUBX64.EFI", content: grub },
    ],
    menus: [menu, `EFI/${name.toUpperCase()}/GRUB.CFG`],
  };
}

function inTree(tree: string, path: string): string | undefined {
  return endings.map((ending) => join(tree, path + ending)).find((one) => existsSync(one));
}

async function ownLoader(tree: string, folder: string, signal: AbortSignal): Promise<EfiLoader> {
  const content = await makeImage(tree, "x86_64-efi", folder, signal);
  return { efi: [{ path: "EFI/BOOT/BOOTX64.EFI", content }], menus: [menu] };
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
