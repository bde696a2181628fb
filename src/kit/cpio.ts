/** A file or folder of an initramfs; folders come before what lies in them. */
export interface CpioEntry {
  /** Path without a leading slash. */
  readonly path: string;
  /** st_mode with its file type bits. */
  readonly mode: number;
  readonly content?: Uint8Array;
}

/** An archive in the "newc" format that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst). */
export function cpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Buffer[] = [];
  entries.forEach((entry, index) => parts.push(...record(entry, index + 1)));
  parts.push(...record({ path: "TRAILER!!!", mode: 0 }, 0));
  return Buffer.concat(parts);
}

function record(entry: CpioEntry, inode: number): Buffer[] {
  const name = Buffer.from(`${entry.path}\0`);
  const content = Buffer.from(entry.content ?? []);
  const numbers = [inode, entry.mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`;
  const head = Buffer.concat([Buffer.from(header, "latin1"), name]);
  return [head, padding(head.length), content, padding(content.length)];
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
