import { constants } from "node:fs";

/** Go's os.FileMode: its permissions are those of POSIX, all other bits are its own. */
const goKinds: readonly (readonly [bit: number, kind: number])[] = [
  [31, constants.S_IFDIR],
  [27, constants.S_IFLNK],
  [25, constants.S_IFIFO],
  [24, constants.S_IFSOCK],
  [21, constants.S_IFCHR],
  [26, constants.S_IFBLK],
];
const goFlags: readonly (readonly [bit: number, flag: number])[] = [
  [23, 0o4000],
  [22, 0o2000],
  [20, 0o1000],
];

function has(mode: number, bit: number): boolean {
  return Math.floor(mode / 2 ** bit) % 2 === 1;
}

/** st_mode of a mode of Go. */
export function posixMode(mode: number): number {
  const kind = goKinds.find(([bit]) => has(mode, bit))?.[1] ?? constants.S_IFREG;
  const flags = goFlags.reduce((sum, [bit, flag]) => (has(mode, bit) ? sum | flag : sum), 0);
  return kind | flags | (mode & 0o777);
}

/** Go's mode of an st_mode. */
export function goMode(mode: number): number {
  const kind = goKinds.find(([, posix]) => posix === (mode & constants.S_IFMT));
  const flags = goFlags.reduce((sum, [bit, flag]) => sum + (mode & flag ? 2 ** bit : 0), 0);
  const device = (mode & constants.S_IFMT) === constants.S_IFCHR ? 2 ** 26 : 0;
  return (kind === undefined ? 0 : 2 ** kind[0]) + device + flags + (mode & 0o777);
}
