import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestDaemon } from "../../e2e/daemon.ts";
import { formats, partition, place } from "./carriers.ts";
import { importTree } from "./engine.ts";
import { blank, command } from "./host.ts";
import type { Verdict } from "./verdict.ts";

interface Refusal {
  readonly name: string;
  /** Gives the disk that is to be refused. */
  make(folder: string): Promise<string>;
  readonly message: RegExp;
}

function qemu(name: string, words: readonly string[], message: RegExp): Refusal {
  return {
    name,
    message,
    async make(folder) {
      const disk = join(folder, "disk");
      await command("qemu-img", "create", "-q", ...words, disk, "64M");
      return disk;
    },
  };
}

const secret = ["--object", "secret,id=key,data=secret"];
const fast = "iter-time=10";

const refusals: readonly Refusal[] = [
  {
    name: "qcow2 with a backing file",
    message: /builds on another file \(a backing file\)/,
    async make(folder) {
      const base = await blank(join(folder, "base"), 64);
      const disk = join(folder, "disk");
      await command("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", disk);
      return disk;
    },
  },
  {
    name: "qcow2 with a data file",
    message: /data are in another file/,
    async make(folder) {
      const disk = join(folder, "disk");
      const elsewhere = `data_file=${join(folder, "data")},data_file_raw=on`;
      await command("qemu-img", "create", "-q", "-f", "qcow2", "-o", elsewhere, disk, "64M");
      return disk;
    },
  },
  qemu(
    "qcow2 of LUKS",
    ["-f", "qcow2", ...secret, "-o", `encrypt.format=luks,encrypt.key-secret=key,encrypt.${fast}`],
    /it is encrypted/,
  ),
  qemu("LUKS", ["-f", "luks", ...secret, "-o", `key-secret=key,${fast}`], /of the format LUKS/),
  qemu("VMDK in pieces", ["-f", "vmdk", "-o", "subformat=twoGbMaxExtentSparse"], /several files/),
  qemu("VMDK beside its data", ["-f", "vmdk", "-o", "subformat=monolithicFlat"], /several files/),
  qemu("VHD that grows", ["-f", "vpc"], /of the format VHD/),
  qemu("VHDX", ["-f", "vhdx"], /of the format VHDX/),
  qemu("QED", ["-f", "qed"], /of the format QED/),
  qemu("nothing in a qcow2", ["-f", "qcow2"], /no ext2, ext3, ext4, xfs or btrfs/),
  {
    name: "one disk of two that a btrfs has",
    message: /file system is damaged, or needs what the guest's kernel has not · cannot mount/,
    async make(folder) {
      const disk = await blank(join(folder, "disk"), 128);
      await command(
        "mkfs.btrfs",
        "-q",
        "-d",
        "raid1",
        "-m",
        "raid1",
        disk,
        await blank(join(folder, "two"), 128),
      );
      return disk;
    },
  },
  {
    name: "an ext4 whose journal is elsewhere",
    message: /file system is damaged, or needs what the guest's kernel has not · cannot mount/,
    async make(folder) {
      const disk = await blank(join(folder, "disk"), 64);
      await command("mke2fs", "-q", "-F", "-t", "ext4", disk);
      await command("tune2fs", "-O", "^has_journal", disk);
      await command("debugfs", "-w", "-R", "feature has_journal", disk);
      await command("debugfs", "-w", "-R", "ssv journal_dev 0x0801", disk);
      return disk;
    },
  },
  {
    name: "a FAT without partitions",
    message: /it has FAT/,
    async make(folder) {
      const disk = await blank(join(folder, "disk"), 64);
      await command("mkfs.fat", "-F", "32", disk);
      return disk;
    },
  },
  {
    name: "a data disk",
    message: /no root file system of Linux/,
    async make(folder) {
      const file = await blank(join(folder, "file"), 64);
      await command("mke2fs", "-q", "-F", "-t", "ext4", file);
      const disk = await blank(join(folder, "disk"), 80);
      await partition(disk, "label: gpt\nstart=1MiB,size=64MiB,type=linux\n");
      await place(file, disk, 1);
      return disk;
    },
  },
  {
    name: "a GPT that was written over",
    message: /checksum of its partition/,
    async make(folder) {
      const disk = await blank(join(folder, "disk"), 80);
      await partition(disk, "label: gpt\nstart=1MiB,size=64MiB,type=linux\n");
      await using file = await open(disk, "r+");
      await file.write(Buffer.from([7]), 0, 1, 1_024 + 40);
      return disk;
    },
  },
  {
    name: "an appliance whose manifest is of another disk",
    message: /is not what the manifest says/,
    async make(folder) {
      const raw = await blank(join(folder, "raw"), 64);
      const ova = await formats.find(({ name }) => name === "ova")!.make(raw, join(folder, "a"));
      const bytes = await readFile(ova);
      const at = bytes.indexOf("SHA256 (box-disk1.vmdk) = ") + 26;
      bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30;
      await writeFile(ova, bytes);
      return ova;
    },
  },
];

/** A disk that cannot be an image, and is refused in a line that says why. */
export async function refusedCase(
  daemon: TestDaemon,
  folder: string,
  seed: number,
): Promise<Verdict> {
  const { name, make, message } = refusals[seed % refusals.length]!;
  const top = join(folder, `refused-${seed}`);
  await mkdir(top);
  try {
    const said = await importTree(daemon, await make(top));
    if (typeof said !== "string") return { name: `${seed}: ${name}`, found: ["was taken"] };
    const isRight = message.test(said) && said.split("\n").length <= 2;
    return { name: `${seed}: ${name}`, found: isRight ? [] : [said] };
  } finally {
    await rm(top, { recursive: true, force: true });
  }
}
