import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { writeTar, type TarMember } from "../kit/tar/writer.ts";
import { usageError } from "./flags.ts";
import { unreadable } from "./input-file.ts";

/** The user that KubeVirt's QEMU runs as; its disks belong to it. */
const qemuUser = 107;
const headBytes = 512;
const sectorSize = 512;

/**
 * A tar of KubeVirt's containerDisk layout: one disk, raw or qcow2, in `/disk`. Throws `invalid` DISK_WRAP
 * for other formats, and for a qcow2 that is not whole without another file.
 */
export async function containerDisk(path: string): Promise<AsyncIterable<Uint8Array>> {
  const { size, head } = await look(path);
  const format = formatOf(path, head);
  if (format === "raw" && size % sectorSize !== 0) {
    throw usageError("DISK_WRAP", `not a disk: ${size} bytes are no whole sectors · ${path}`);
  }
  const name = basename(path)
    .replaceAll(/[^\w.-]/g, "_")
    .replace(/\.[A-Za-z0-9]*$/, "");
  const owner = { uid: qemuUser, gid: qemuUser };
  const members: readonly TarMember[] = [
    { header: { kind: "directory", name: Buffer.from("disk"), mode: 0o755, ...owner } },
    {
      header: {
        kind: "file",
        name: Buffer.from(`disk/${name || "disk"}.${format === "raw" ? "img" : format}`),
        mode: 0o440,
        size,
        ...owner,
      },
      content: createReadStream(path, { highWaterMark: 1 << 20, end: Math.max(0, size - 1) }),
    },
  ];
  return writeTar(members);
}

async function look(path: string): Promise<{ readonly size: number; readonly head: Buffer }> {
  try {
    await using file = await open(path, "r");
    const facts = await file.stat();
    if (!facts.isFile()) throw usageError("DISK_WRAP", `not a file · ${path}`);
    const head = Buffer.alloc(headBytes);
    const { bytesRead } = await file.read(head, 0, headBytes, 0);
    if (bytesRead < headBytes) throw usageError("DISK_WRAP", `too small for a disk · ${path}`);
    return { size: facts.size, head };
  } catch (error) {
    throw unreadable(path, error);
  }
}

function formatOf(path: string, head: Buffer): "raw" | "qcow2" {
  if (head.toString("latin1", 0, 4) === "QFI\u00fb") {
    if (head.readBigUInt64BE(8) === 0n) return "qcow2";
    throw usageError("DISK_WRAP", `the disk builds on another file · ${path}`, "flatten it first");
  }
  if (head.toString("latin1", 257, 262) === "ustar") {
    const hint = "wrap a disk that is in it: take it out with `tar -x`";
    throw usageError("DISK_WRAP", `a tar archive, as an OVA is, not a disk · ${path}`, hint);
  }
  if (
    /^(\u001f\u008b|\u00fd7zXZ|\u0028\u00b5\u002f\u00fd|BZh)/.test(head.toString("latin1", 0, 6))
  ) {
    throw usageError("DISK_WRAP", `the disk is compressed · ${path}`, "decompress it first");
  }
  const isVdi = head.readUInt32LE(0x40) === 0xbeda107f;
  if (!isVdi && !/^(KDMV|COWD|# Disk Desc|vhdxfile|conectix)/.test(head.toString("latin1", 0, 16)))
    return "raw";
  throw usageError(
    "DISK_WRAP",
    `KubeVirt takes raw and qcow2 disks only · ${path}`,
    "turn it into one with `qemu-img convert -O qcow2`",
  );
}
