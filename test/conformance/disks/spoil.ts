import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { sealGpt } from "../../drivers/foreign-disk/disks.ts";
import { formats, tables } from "./carriers.ts";
import { blank, command, makeTree, mounted } from "./host.ts";

/** Numbers that are the same for the same seed (mulberry32). */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export interface Victim {
  readonly name: string;
  readonly bytes: Buffer;
  /** Whether the file begins with a GPT, whose checksums can be made right again. */
  readonly isGpt: boolean;
}

const small: readonly (readonly [string, readonly string[]])[] = [
  ["ext4", ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024"]],
  ["xfs", ["mkfs.xfs", "-q", "-f", "--unsupported", "-b", "size=1024"]],
  ["btrfs", ["mkfs.btrfs", "-q", "-f", "--mixed"]],
];

/** One small disk of each file system in each table and each format, well-formed. */
export async function victims(folder: string): Promise<readonly Victim[]> {
  const found: Victim[] = [];
  for (const [name, argv] of small) {
    const file = await blank(join(folder, name), name === "btrfs" ? 17 : name === "xfs" ? 16 : 8);
    await command(argv[0]!, ...argv.slice(1), file);
    await mounted(file, "rw", (top) => makeTree(top, 1, ["huge", "sparse"]));
    for (const [index, format] of formats.entries()) {
      const table = tables[(index + found.length) % tables.length]!;
      const place = join(folder, `${name}-${index}`);
      await mkdir(place);
      await table.make(file, join(place, "disk"));
      const disk = await format.make(join(place, "disk"), join(place, "carrier"));
      const isGpt = format.name === "raw" && table.name.startsWith("GPT with");
      found.push({
        name: `${name}, ${table.name}, ${format.name}`,
        bytes: await readFile(disk),
        isGpt,
      });
      await rm(place, { recursive: true, force: true });
    }
  }
  return found;
}

const wide = [
  0n,
  1n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 62n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

/** The disk with some faults: in what describes it more often than in what is in it. */
export function spoiled(victim: Victim, below: (end: number) => number): Buffer {
  let bytes = Buffer.from(victim.bytes);
  const zones = [512, 1_024, 4_096, 70_000, 2 ** 20, 2 ** 20 + 70_000, bytes.length];
  const place = (room: number): number =>
    below(Math.max(1, Math.min(zones[below(zones.length)]!, bytes.length) - room));
  for (let times = 1 + below(4); times > 0; times -= 1) {
    const at = place(16);
    const kind = below(8);
    if (kind === 0) bytes[at] = bytes[at]! ^ (1 << below(8));
    if (kind === 1) bytes[at] = below(256);
    if (kind === 2) bytes.writeBigUInt64LE(wide[below(wide.length)]!, at & ~7);
    if (kind === 3) bytes.writeBigUInt64BE(wide[below(wide.length)]!, at & ~7);
    if (kind === 4) bytes.writeUInt32LE(Number(wide[below(5)]!), at & ~3);
    if (kind === 5) bytes.writeUInt32BE(Number(wide[below(5)]!), at & ~3);
    if (kind === 6)
      bytes.copy(bytes, place(4_096) & ~511, at & ~511, (at & ~511) + 512 * (1 + below(8)));
    if (kind === 7 && below(4) === 0) bytes = bytes.subarray(0, Math.max(1, at));
    if (bytes.length < 64) break;
  }
  if (victim.isGpt && bytes.length > 2 ** 20)
    try {
      sealGpt(bytes);
    } catch {
      /* A table that is nowhere has no checksum to mend. */
    }
  return bytes;
}
