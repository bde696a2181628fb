import { statfs } from "node:fs/promises";

/** Kinds of statfs(2) under the names that Docker shows. */
const names: ReadonlyMap<number, string> = new Map([
  [0xef53, "extfs"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x2fc12fc1, "zfs"],
  [0xf2f52010, "f2fs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlayfs"],
  [0x6969, "nfs"],
]);

/** The kind of file system that a folder lies on; `<unknown>` for one that Docker has no name for. */
export async function fileSystemName(folder: string): Promise<string> {
  const { type } = await statfs(folder);
  // The kernel's number is signed on some machines.
  return names.get(type < 0 ? type + 2 ** 32 : type) ?? "<unknown>";
}
