import { open, type FileHandle } from "node:fs/promises";
import { confinedUser, runConfined } from "../../kit/confined.ts";

export type TargetFormat = "raw" | "qcow2" | "vmdk" | "vdi" | "stream-vmdk";

/** `-O` and `-o`: compat=1.1 is what QEMU 1.1 and later read; the adapter is what VMware and VirtualBox both have. */
const targets: Readonly<Record<TargetFormat, readonly string[]>> = {
  raw: ["-O", "raw"],
  qcow2: ["-O", "qcow2", "-o", "compat=1.1"],
  vdi: ["-O", "vdi"],
  vmdk: ["-O", "vmdk", "-o", "subformat=monolithicSparse,adapter_type=lsilogic"],
  "stream-vmdk": ["-O", "vmdk", "-o", "subformat=streamOptimized,adapter_type=lsilogic"],
};

/** How much larger than the disk's own bytes a file may be: headers and tables. */
const overhead = 1 << 30;

/**
 * Writes `source` anew in another format as `target`, a file that must not exist; `largest` are the bytes
 * of the disk.
 */
export async function convertDisk(
  source: { readonly path: string; readonly format: "raw" },
  target: string,
  format: TargetFormat,
  largest: number,
  signal: AbortSignal,
): Promise<void> {
  await using input = await open(source.path, "r");
  await using output = await open(target, "wx+", 0o600);
  await input.chown(confinedUser, confinedUser);
  await output.chown(confinedUser, confinedUser);
  const words = ["convert", "-f", source.format, ...targets[format], "/dev/fd/3", "/dev/fd/4"];
  await runConfined(["qemu-img", ...words], {
    files: [input.fd, output.fd],
    largestFile: largest + overhead,
    signal,
  });
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
