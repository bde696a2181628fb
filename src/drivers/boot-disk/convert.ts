import { open, type FileHandle } from "node:fs/promises";
import { run } from "../../kit/subprocess.ts";

/** Formats that qemu-img reads here, always named: a disk's content never chooses how it is read. */
export type SourceFormat = "raw" | "qcow2" | "vmdk" | "vdi";
export type TargetFormat = "raw" | "qcow2" | "vmdk" | "vdi" | "stream-vmdk";

/** `-O` and `-o`: compat=1.1 is what QEMU 1.1 and later read; the adapter is what VMware and VirtualBox both have. */
const targets: Readonly<Record<TargetFormat, readonly string[]>> = {
  raw: ["-O", "raw"],
  qcow2: ["-O", "qcow2", "-o", "compat=1.1"],
  vdi: ["-O", "vdi"],
  vmdk: ["-O", "vmdk", "-o", "subformat=monolithicSparse,adapter_type=lsilogic"],
  "stream-vmdk": ["-O", "vmdk", "-o", "subformat=streamOptimized,adapter_type=lsilogic"],
};

/** What reading a hostile disk may take: bytes of memory, seconds of processor time, open files. */
const limits = ["--as=4294967296", "--cpu=3600", "--core=0", "--nofile=64"];
/** No account has it; the files of one conversion are given to it while it lasts. */
const diskUser = 0x63ffffff;
/** How much larger than the disk's own bytes a file may be: headers and tables. */
const overhead = 1 << 30;

export interface SourceDisk {
  readonly path: string;
  readonly format: SourceFormat;
}

/**
 * Writes `source` anew in another format as `target`, a file that must not exist. Check a foreign disk's header first
 * (inspect.ts). qemu-img sees no network, is a user without privileges that may open nothing of ours but the
 * two files, which it gets as descriptors, and has limits for memory, time and what it writes: `largest`
 * are the bytes of the disk.
 */
export async function convertDisk(
  source: SourceDisk,
  target: string,
  format: TargetFormat,
  largest: number,
  signal: AbortSignal,
): Promise<void> {
  await using input = await open(source.path, "r");
  await using output = await open(target, "wx+", 0o600);
  await input.chown(diskUser, diskUser);
  await output.chown(diskUser, diskUser);
  const confined = [
    ...["prlimit", ...limits, `--fsize=${largest + overhead}`, "--"],
    ...["unshare", "--net", "--ipc", "--"],
    ...["setpriv", `--reuid=${diskUser}`, `--regid=${diskUser}`, "--clear-groups"],
    ...["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"],
  ];
  const [program = "", ...words] = [
    ...confined,
    ...["qemu-img", "convert", "-f", source.format, ...targets[format], "/dev/fd/3", "/dev/fd/4"],
  ];
  await run(program, words, { signal, files: [input.fd, output.fd] });
  if (format === "vmdk" || format === "stream-vmdk") await nameExtent(output);
}

const sector = 512;
const descriptorLimit = 64 << 10;

/** The descriptor in a VMDK names the file that it is in, which was a descriptor's number: every reader has its own idea. */
async function nameExtent(file: FileHandle): Promise<void> {
  const header = Buffer.alloc(sector);
  await file.read(header, 0, sector, 0);
  const offset = Number(header.readBigUInt64LE(28)) * sector;
  const size = Math.min(Number(header.readBigUInt64LE(36)) * sector, descriptorLimit);
  const bytes = Buffer.alloc(size);
  await file.read(bytes, 0, size, offset);
  const text = bytes.toString("latin1").replace(/\0+$/, "");
  const named = text.replace(/^(RW \d+ SPARSE) "[^"]*"/m, '$1 "disk.vmdk"');
  const result = Buffer.alloc(size);
  if (result.write(named, "latin1") < named.length) throw new RangeError("no room in the VMDK");
  await file.write(result, 0, size, offset);
}
