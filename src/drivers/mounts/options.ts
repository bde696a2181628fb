import { DuetError } from "../../kit/errors.ts";

/** mount(2), <linux/mount.h>. */
const set: Readonly<Record<string, number>> = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  sync: 0x10,
  mand: 0x40,
  dirsync: 0x80,
  noatime: 0x400,
  nodiratime: 0x800,
  bind: 0x1000,
  rbind: 0x1000 | 0x4000,
  relatime: 0x200000,
  strictatime: 0x1000000,
};
const cleared: Readonly<Record<string, number>> = {
  defaults: 0,
  rw: 0x1,
  suid: 0x2,
  dev: 0x4,
  exec: 0x8,
  async: 0x10,
  nomand: 0x40,
  atime: 0x400,
  diratime: 0x800,
  norelatime: 0x200000,
  nostrictatime: 0x1000000,
};
const propagations: Readonly<Record<string, number>> = {
  unbindable: 0x20000,
  runbindable: 0x20000 | 0x4000,
  private: 0x40000,
  rprivate: 0x40000 | 0x4000,
  slave: 0x80000,
  rslave: 0x80000 | 0x4000,
  shared: 0x100000,
  rshared: 0x100000 | 0x4000,
};

export interface MountPlan {
  readonly flags: number;
  readonly propagation: number;
  /** What the file system itself is to read. */
  readonly data: string;
}

/** A page of mount(2), with its NUL. */
const maximumData = 4095;

/** Throws `invalid` MOUNT_OPTION on what changes other mounts, and on what mount(2) could not be given. */
export function planMount(options: readonly string[]): MountPlan {
  let flags = 0;
  let propagation = 0;
  const data: string[] = [];
  for (const word of options) {
    if (word === "") continue;
    if (["remount", "move"].includes(word)) throw refused(word, "it changes another mount");
    if (word.includes("\0")) throw refused(word, "it holds a NUL byte");
    if (Object.hasOwn(set, word)) flags |= set[word]!;
    else if (Object.hasOwn(cleared, word)) flags &= ~cleared[word]!;
    else if (Object.hasOwn(propagations, word)) propagation |= propagations[word]!;
    else data.push(word);
  }
  const text = data.join(",");
  if (Buffer.byteLength(text) > maximumData) throw refused(data[0]!, "all are over 4095 bytes");
  return { flags, propagation, data: text };
}

function refused(word: string, why: string): DuetError {
  return new DuetError(
    "invalid",
    "MOUNT_OPTION",
    `invalid mount option ${JSON.stringify(word.slice(0, 80))}: ${why}`,
  );
}
