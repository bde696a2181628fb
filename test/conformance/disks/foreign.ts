import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestDaemon } from "../../e2e/daemon.ts";
import { formats, tables } from "./carriers.ts";
import { importTree } from "./engine.ts";
import { fileSystems, makeFileSystem, type FileSystem } from "./file-systems.ts";
import {
  asUnpacked,
  blank,
  command,
  differences,
  listTree,
  makeTree,
  mounted,
  type Listing,
} from "./host.ts";
import type { Verdict } from "./verdict.ts";

/** One disk of a foreign tool's. Gives what differs from what this host's kernel sees in it. */
export async function foreignCase(
  daemon: TestDaemon,
  folder: string,
  seed: number,
  without: readonly string[],
): Promise<Verdict> {
  const kind = fileSystems[seed % fileSystems.length]!;
  const table = tables[(seed * 7 + Math.floor(seed / fileSystems.length)) % tables.length]!;
  const format = formats[(seed * 5 + Math.floor(seed / fileSystems.length)) % formats.length]!;
  const isUnclean = seed % 3 === 1;
  const name = `${seed}: ${kind.name}, ${table.name}, ${format.name}${isUnclean ? ", unclean" : ""}`;
  const place = join(folder, `case-${seed}`);
  await mkdir(place, { recursive: true });
  try {
    const { file, wanted } = await filled(
      { ...kind, without: [...kind.without, ...without] },
      place,
      seed,
      isUnclean,
    );
    const raw = join(place, "disk");
    await table.make(file, raw);
    await rm(file);
    const disk = await format.make(raw, join(place, "carrier"));
    const got = await importTree(daemon, disk);
    return { name, found: typeof got === "string" ? [got] : differences(asUnpacked(wanted), got) };
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function filled(
  kind: FileSystem,
  place: string,
  seed: number,
  isUnclean: boolean,
): Promise<{ readonly file: string; readonly wanted: Listing }> {
  const file = await blank(join(place, "file-system"), kind.mebibytes);
  await makeFileSystem(kind, file);
  const copy = join(place, "copy");
  await mounted(file, kind.options, async (top) => {
    await makeTree(top, seed, kind.without);
    if (!isUnclean) return;
    await command("sync", "-f", top);
    await writeFile(join(top, "late"), "written last");
    await rm(join(top, "bin/sh"));
    await command("sync", "-f", top);
    await command("cp", "--sparse=always", file, copy);
  });
  if (isUnclean) {
    await command("mv", copy, file);
    await command("cp", "--sparse=always", file, copy);
  }
  const seen = isUnclean ? copy : file;
  const wanted = await mounted(seen, lookOptions(kind, isUnclean), listTree);
  await rm(copy, { force: true });
  return { file, wanted };
}

/** A journal is replayed only where the device may be written. */
function lookOptions(kind: FileSystem, isUnclean: boolean): string {
  return `${isUnclean ? "rw,noatime" : "ro"}${kind.name.startsWith("xfs") ? ",nouuid" : ""}`;
}
