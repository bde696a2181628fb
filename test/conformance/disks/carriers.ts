import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { blank, command, commandWith } from "./host.ts";

/** Puts the file system in `file` into a disk with a partition table; gives the disk's path. */
export interface Table {
  readonly name: string;
  make(file: string, disk: string): Promise<void>;
}

/** A file in some format that carries the raw disk `raw`. */
export interface Format {
  readonly name: string;
  make(raw: string, target: string): Promise<string>;
}

export async function place(file: string, disk: string, mebibyte: number): Promise<void> {
  await command(
    "dd",
    `if=${file}`,
    `of=${disk}`,
    "bs=1M",
    `seek=${mebibyte}`,
    "conv=notrunc,sparse",
    "status=none",
  );
}

async function sizeOf(file: string): Promise<number> {
  return Math.ceil((await stat(file)).size / 2 ** 20);
}

export async function partition(disk: string, script: string, sectorSize = 512): Promise<void> {
  const words = ["-f", "--show", "-b", `${sectorSize}`, disk];
  const device = (await command("losetup", ...words)).trim();
  try {
    await commandWith(script, "sfdisk", "-q", "--no-reread", "--no-tell-kernel", device);
  } finally {
    await command("losetup", "-d", device);
  }
}

async function fat(disk: string, mebibyte: number): Promise<void> {
  const file = await blank(`${disk}.fat`, 34);
  await command("mkfs.fat", "-F", "32", file);
  await place(file, disk, mebibyte);
}

export const tables: readonly Table[] = [
  {
    name: "no table",
    make: async (file, disk) => copyFile(file, disk),
  },
  {
    name: "MBR",
    async make(file, disk) {
      const size = await sizeOf(file);
      await partition(
        await blank(disk, size + 2),
        `label: dos\nstart=1MiB,size=${size}MiB,type=83,bootable\n`,
      );
      await place(file, disk, 1);
    },
  },
  {
    name: "MBR with logical partitions and FAT",
    async make(file, disk) {
      const size = await sizeOf(file);
      const lines = [
        "label: dos",
        "start=1MiB,size=34MiB,type=c",
        `start=36MiB,size=${size + 20}MiB,type=5`,
        "start=37MiB,size=4MiB,type=82",
        `start=42MiB,size=${size}MiB,type=83`,
      ];
      await partition(await blank(disk, size + 64), `${lines.join("\n")}\n`);
      await fat(disk, 1);
      await place(file, disk, 42);
    },
  },
  {
    name: "GPT with an EFI partition",
    async make(file, disk) {
      const size = await sizeOf(file);
      const lines = [
        "label: gpt",
        "start=1MiB,size=34MiB,type=uefi",
        `start=36MiB,size=${size}MiB,type=linux,name="root"`,
      ];
      await partition(await blank(disk, size + 40), `${lines.join("\n")}\n`);
      await fat(disk, 1);
      await place(file, disk, 36);
    },
  },
  {
    name: "GPT of 4k sectors",
    async make(file, disk) {
      const size = await sizeOf(file);
      const lines = ["label: gpt", `start=2MiB,size=${size}MiB,type=linux`];
      await partition(await blank(disk, size + 8), `${lines.join("\n")}\n`, 4_096);
      await place(file, disk, 2);
    },
  },
];

function qemu(name: string, words: readonly string[], ending: string): Format {
  return {
    name,
    async make(raw, target) {
      const file = `${target}.${ending}`;
      await command("qemu-img", "convert", "-f", "raw", ...words, raw, file);
      return file;
    },
  };
}

export const formats: readonly Format[] = [
  {
    name: "raw",
    make: async (raw, target) => (await rename(raw, `${target}.raw`), `${target}.raw`),
  },
  qemu("qcow2", ["-O", "qcow2"], "qcow2"),
  qemu("qcow2 v2", ["-O", "qcow2", "-o", "compat=0.10"], "qcow2"),
  qemu("qcow2 packed", ["-c", "-O", "qcow2"], "qcow2"),
  qemu("qcow2 zstd", ["-c", "-O", "qcow2", "-o", "compression_type=zstd"], "qcow2"),
  qemu("qcow2 extended L2", ["-O", "qcow2", "-o", "extended_l2=on,cluster_size=128k"], "qcow2"),
  qemu("qcow2 of 512", ["-O", "qcow2", "-o", "cluster_size=512"], "qcow2"),
  qemu("qcow2 of 2M, lazy", ["-O", "qcow2", "-o", "cluster_size=2M,lazy_refcounts=on"], "qcow2"),
  {
    name: "qcow2 with snapshots and bitmap",
    async make(raw, target) {
      const file = `${target}.qcow2`;
      await command("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, file);
      await command("qemu-img", "snapshot", "-c", "one", file);
      await command("qemu-img", "bitmap", "--add", file, "dirty");
      return file;
    },
  },
  {
    name: "qcow2 marked as dirty",
    async make(raw, target) {
      const file = `${target}.qcow2`;
      await command("qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, file);
      const bytes = await readFile(file);
      bytes.writeBigUInt64BE(bytes.readBigUInt64BE(72) | 1n, 72);
      await writeFile(file, bytes);
      return file;
    },
  },
  qemu("vmdk monolithicSparse", ["-O", "vmdk"], "vmdk"),
  qemu("vmdk version 6", ["-O", "vmdk", "-o", "compat6=on,zeroed_grain=on"], "vmdk"),
  qemu("vmdk streamOptimized", ["-O", "vmdk", "-o", "subformat=streamOptimized"], "vmdk"),
  qemu("vdi", ["-O", "vdi"], "vdi"),
  qemu("vdi static", ["-O", "vdi", "-o", "static=on"], "vdi"),
  qemu("vhd fixed", ["-O", "vpc", "-o", "subformat=fixed,force_size=on"], "vhd"),
  { name: "ova", make: async (raw, target) => makeOva(raw, target) },
];

/** An appliance as others make it: descriptor, disk, then the manifest with its spaces. */
async function makeOva(raw: string, target: string): Promise<string> {
  const folder = `${target}.ovf.d`;
  await mkdir(folder, { recursive: true });
  const disk = join(folder, "box-disk1.vmdk");
  await command(
    "qemu-img",
    "convert",
    "-f",
    "raw",
    "-O",
    "vmdk",
    "-o",
    "subformat=streamOptimized",
    raw,
    disk,
  );
  const { size } = await stat(raw);
  await writeFile(
    join(folder, "box.ovf"),
    `<?xml version="1.0"?><Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"><References><File ovf:href="${basename(disk)}" ovf:id="f"/></References>` +
      `<DiskSection><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="${size}"/></DiskSection></Envelope>`,
  );
  const sum = createHash("sha256")
    .update(await readFile(disk))
    .digest("hex");
  await writeFile(join(folder, "box.mf"), `SHA256 (box-disk1.vmdk) = ${sum}\r\n`);
  const file = `${target}.ova`;
  await command(
    "tar",
    "-C",
    folder,
    "--format=ustar",
    "-cf",
    file,
    "box.ovf",
    "box-disk1.vmdk",
    "box.mf",
  );
  return file;
}
