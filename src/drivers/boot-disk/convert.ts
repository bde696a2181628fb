import { open, type FileHandle } from "node:fs/promises";
import { confinedUser, runConfined } from "../../kit/confined.ts";
import { writeAll } from "../../kit/write-all.ts";
import { guid } from "./gpt.ts";
import type { Identifiers } from "./layout.ts";
import { vmdkDescriptor, vmdkIdentity, type VmdkIdentity } from "./vmdk-descriptor.ts";

export type TargetFormat = "qcow2" | "vmdk" | "vdi";

/**
 * `-O` and `-o`: compat=1.1 is what QEMU 1.1 and later read. Of VMDKs the growing one in a single file is what
 * VirtualBox and VMware Workstation write to as it is; stream-optimized ones they would have to import first.
 */
const targets: Readonly<Record<TargetFormat, readonly string[]>> = {
  qcow2: ["-O", "qcow2", "-o", "compat=1.1"],
  vdi: ["-O", "vdi"],
  vmdk: ["-O", "vmdk", "-o", "subformat=monolithicSparse,adapter_type=lsilogic"],
};

/** How much larger than the disk's own bytes a file may be: headers and tables. */
const overhead = 1 << 30;

/** Writes the raw disk `source` of `size` bytes in another format as `target`, a file that must not exist. */
export async function convertDisk(
  source: { readonly path: string; readonly size: number },
  target: { readonly path: string; readonly format: TargetFormat },
  identifiers: Identifiers,
  signal: AbortSignal,
): Promise<void> {
  const { format } = target;
  await using input = await open(source.path, "r");
  await using output = await open(target.path, "wx+", 0o600);
  await input.chown(confinedUser, confinedUser);
  await output.chown(confinedUser, confinedUser);
  const words = ["convert", "-f", "raw", ...targets[format], "/dev/fd/3", "/dev/fd/4"];
  await runConfined(["qemu-img", ...words], {
    files: [input.fd, output.fd],
    largestFile: source.size + overhead,
    signal,
  });
  if (format === "vmdk") await identifyVmdk(output, source.size, vmdkIdentity(identifiers));
  if (format === "vdi") await identifyVdi(output, identifiers);
}

const sector = 512;

/** A VMDK's descriptor is written anew: qemu-img's names a descriptor of ours, and has no UUID for VirtualBox. */
async function identifyVmdk(file: FileHandle, size: number, identity: VmdkIdentity): Promise<void> {
  const header = Buffer.alloc(sector);
  await file.read(header, 0, sector, 0);
  const offset = Number(header.readBigUInt64LE(28)) * sector;
  const text = Buffer.alloc(Number(header.readBigUInt64LE(36)) * sector);
  const descriptor = vmdkDescriptor({
    kind: "monolithicSparse",
    sectors: size / sector,
    file: "disk.vmdk",
    identity,
  });
  if (text.write(descriptor) < descriptor.length) throw new RangeError("no room in the VMDK");
  await writeAll(file, text, offset);
}

const vdiImageId = 0x188;

/** A VDI's identifiers, of the image and of its last change, are random with qemu-img. */
async function identifyVdi(file: FileHandle, identifiers: Identifiers): Promise<void> {
  const ids = [identifiers.uuid("VDI"), identifiers.uuid("VDI's change")];
  const bytes = Buffer.concat(ids.map(guid));
  await writeAll(file, bytes, vdiImageId);
}
