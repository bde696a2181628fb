import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createForeignDisks } from "../../../src/drivers/foreign-disk/foreign-disk.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { mbr } from "../../drivers/foreign-disk/disks.ts";
import { formats } from "./carriers.ts";
import { command } from "./host.ts";
import { takenCase } from "./hostile.ts";
import type { Victim } from "./spoil.ts";

const cases = 60;

test("a spoiled disk of any format is taken, or refused in words that say whose fault it is (G88, G90)", async (context) => {
  const folder = await mkdtemp("/tmp/duet-taken-");
  context.after(() => rm(folder, { recursive: true }));
  const victims = await wellFormed(folder);
  const directory = join(folder, "disks");
  await mkdir(directory);
  const disks = await createForeignDisks({ directory, log: silentLog });
  const outcomes = new Set<string>();
  for (let seed = 0; seed < cases; seed += 1) {
    const { name, found, outcome } = await takenCase(
      disks,
      directory,
      victims,
      seed,
      context.signal,
    );
    assert.deepEqual(found, [], name);
    outcomes.add(outcome ?? "");
  }
  assert.ok(outcomes.has("taken") && outcomes.has("invalid DISK_REFUSED"), [...outcomes].join());
});

/** A partition behind an MBR in each format. */
async function wellFormed(folder: string): Promise<readonly Victim[]> {
  const made = join(folder, "made");
  const mebibyte = 2 ** 20;
  await writeFile(made, mbr([{ type: 0x83, first: 2_048, count: 6 * 2_048 }]));
  await truncate(made, 8 * mebibyte);
  await command("mke2fs", "-q", "-F", "-t", "ext4", "-E", `offset=${mebibyte}`, made, "6M");
  const found: Victim[] = [];
  for (const { name, make } of formats) {
    const raw = join(folder, "raw");
    await copyFile(made, raw);
    const disk = await make(raw, join(folder, "carrier"));
    found.push({ name, bytes: await readFile(disk), isGpt: false });
  }
  return found;
}
