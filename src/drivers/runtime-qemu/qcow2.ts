import { open } from "node:fs/promises";
import { DuetError } from "../../kit/errors.ts";

/** What a qcow2 file builds on; null where nothing. Of our own making, and yet checked (docs/interop/qcow2.txt). */
export interface Backing {
  readonly path: string;
  readonly format: "raw" | "qcow2";
}

const magic = 0x514649fb;
const headerBytes = 4096;
const backingFormatExtension = 0xe2792aca;

/** Reads a qcow2 file's backing file; throws `corrupt` DISK_INVALID on anything but an absolute path and a format. */
export async function readBacking(path: string): Promise<Backing | null> {
  const header = Buffer.alloc(headerBytes);
  const file = await open(path, "r");
  try {
    await file.read(header, 0, headerBytes, 0);
  } finally {
    await file.close();
  }
  if (header.readUInt32BE(0) !== magic) throw invalid(path, "not a qcow2 file");
  const offset = Number(header.readBigUInt64BE(8));
  const size = header.readUInt32BE(16);
  if (offset === 0) return null;
  if (size > 1023 || offset + size > headerBytes)
    throw invalid(path, "its backing file's name is out of bounds");
  const name = header.toString("utf8", offset, offset + size);
  const format = backingFormat(header, offset);
  if (!name.startsWith("/") || name.includes("\0"))
    throw invalid(path, "its backing file's name is no absolute path");
  if (format !== "raw" && format !== "qcow2") throw invalid(path, "its backing file has no format");
  return { path: name, format };
}

function backingFormat(header: Buffer, end: number): string {
  const version = header.readUInt32BE(4);
  let at = version >= 3 ? header.readUInt32BE(100) : 72;
  while (at + 8 <= end) {
    const type = header.readUInt32BE(at);
    const length = header.readUInt32BE(at + 4);
    if (type === 0 || at + 8 + length > end) return "";
    if (type === backingFormatExtension) return header.toString("latin1", at + 8, at + 8 + length);
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return "";
}

function invalid(path: string, why: string): DuetError {
  return new DuetError("corrupt", "DISK_INVALID", `cannot use the disk: ${why} · ${path}`);
}
