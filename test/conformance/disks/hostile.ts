import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { createForeignDisks } from "../../../src/drivers/foreign-disk/foreign-disk.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import type { TestDaemon } from "../../e2e/daemon.ts";
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

const classes = new Set(["corrupt", "invalid", "unsupported", "too-large", "not-found"]);

/** Takes spoiled disks into a driver of this process: header, tables, qemu-img, but no machine. */
export async function takeSpoiled(
  folder: string,
  all: readonly Victim[],
  first: number,
  count: number,
): Promise<number> {
  const directory = join(folder, "taken");
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  };
  const disks = await createForeignDisks({ directory, log: log as never });
  let wrong = 0;
  const outcomes = new Map<string, number>();
  for (let seed = first; seed < first + count; seed += 1) {
    const below = numbers(seed);
    const victim = all[below(all.length)]!;
    const bytes = spoiled(victim, below);
    const begun = performance.now();
    let outcome = "taken";
    try {
      const body = Readable.from([bytes], { objectMode: true });
      await using disk = await disks.take(body, null, AbortSignal.timeout(60_000));
      await disk.open(disk.partitions[0]!);
    } catch (error) {
      outcome = isDuetError(error) ? `${error.class} ${error.code}` : `UNTYPED ${String(error)}`;
      if (!isDuetError(error) || !classes.has(error.class)) {
        wrong += 1;
        console.log(`WRONG ${seed} ${victim.name}: ${String(error).slice(0, 300)}`);
      }
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    const left = await readdir(directory);
    const milliseconds = performance.now() - begun;
    if (left.length > 0 || milliseconds > 10_000) {
      wrong += 1;
      console.log(
        `WRONG ${seed} ${victim.name}: ${left.length} left, ${milliseconds.toFixed(0)} ms`,
      );
    }
  }
  console.log([...outcomes].map(([what, times]) => `${what}: ${times}`).join("; "));
  return wrong;
}

/** Sends spoiled disks to a daemon, which has to answer pings all the while. */
export async function importSpoiled(
  daemon: TestDaemon,
  all: readonly Victim[],
  first: number,
  count: number,
): Promise<number> {
  let wrong = 0;
  const outcomes = new Map<string, number>();
  for (let seed = first; seed < first + count; seed += 1) {
    const below = numbers(seed);
    const victim = all[below(all.length)]!;
    const bytes = spoiled(victim, below);
    const begun = performance.now();
    let slowest = 0;
    const sending = { over: false };
    const pings = (async () => {
      while (!sending.over) {
        const asked = performance.now();
        await daemon.request("GET", "/_ping").body;
        slowest = Math.max(slowest, performance.now() - asked);
      }
    })();
    const [status, said] = await send(daemon, bytes);
    sending.over = true;
    await pings;
    const milliseconds = performance.now() - begun;
    const left = await readdir(join(daemon.folder, "data/foreign-disks"));
    const isTyped = status === 201 || (status >= 400 && status < 500) || status === 501;
    const key =
      status === 201 ? "201" : `${status} ${said.replaceAll(/\d+|"[^"]*"/g, "…").slice(0, 110)}`;
    outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
    if (!isTyped || left.length > 0 || slowest > 3_000 || milliseconds > 60_000) {
      wrong += 1;
      console.log(
        `WRONG ${seed} ${victim.name}: ${status} ${said.slice(0, 400)} · ping ${slowest.toFixed(0)} ms · ${milliseconds.toFixed(0)} ms · ${left.length} left`,
      );
    }
    if (status === 201) await daemon.tryDocker(["image", "prune", "-af"]);
  }
  for (const [what, times] of [...outcomes].toSorted((one, other) => other[1] - one[1]))
    console.log(`  ${times} × ${what}`);
  return wrong;
}

async function send(daemon: TestDaemon, bytes: Buffer): Promise<readonly [number, string]> {
  return await new Promise((resolve, reject) => {
    const asked = request({
      socketPath: daemon.socket,
      method: "POST",
      path: "/duet/v1/images/import-disk",
      signal: AbortSignal.timeout(300_000),
    });
    asked.on("response", (answer) => {
      text(answer).then((said) => resolve([answer.statusCode ?? 0, said]), reject);
    });
    asked.on("error", (error) => resolve([0, String(error)]));
    asked.end(bytes);
  });
}
