import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { diskFormats } from "../../../src/domain/boot-disk.ts";
import type { TestDaemon } from "../../e2e/daemon.ts";
import { duetLine } from "../../e2e/disks/duet-line.ts";
import { importTree } from "./engine.ts";
import {
  asUnpacked,
  command,
  differences,
  listTree,
  makeTree,
  type Facts,
  type Listing,
} from "./host.ts";
import type { Verdict } from "./verdict.ts";

/** An image of a random tree as a disk, read back by this host's kernel, fsck and as an image again. */
export async function roundCase(
  daemon: TestDaemon,
  folder: string,
  seed: number,
  without: readonly string[],
): Promise<Verdict> {
  const format = diskFormats[seed % diskFormats.length]!;
  const top = join(folder, `round-${seed}`);
  const tree = join(top, "tree");
  await mkdir(tree, { recursive: true });
  try {
    await makeTree(tree, seed, without);
    const wanted = await listTree(tree);
    const tar = join(top, "tree.tar");
    const kept = [
      "--format=posix",
      "--xattrs",
      "--xattrs-include=*",
      "--numeric-owner",
      "--sparse",
    ];
    await command("tar", ...kept, "-C", tree, "-cf", tar, ".");
    const made = await duetLine(daemon, ["import", tar, "round:1"]);
    if (made.code !== 0) return { name: `${seed}: ${format}`, found: [made.stderr] };
    await rm(tar);
    const disk = join(top, `disk.${format}`);
    const line = ["image", "convert", "round:1", disk, "/bin/sh"];
    const converted = await duetLine(daemon, line);
    await daemon.tryDocker(["rmi", "-f", "round:1"]);
    if (converted.code !== 0) return { name: `${seed}: ${format}`, found: [converted.stderr] };
    const seen = await withKernel(disk, format, top);
    const again = await importTree(daemon, disk, ["--partition", "3"]);
    const found = [
      ...differences(onDisk(asUnpacked(wanted)), seen).map((text) => `kernel: ${text}`),
      ...(typeof again === "string" ? [again] : differences(asUnpacked(seen), again)),
    ];
    return { name: `${seed}: ${format}, ${wanted.size} names`, found };
  } finally {
    await rm(top, { recursive: true, force: true });
  }
}

const regular = 0o100000;

/**
 * What a disk has of an image's tree: mke2fs keeps second names of plain files only, and whole seconds of
 * which it writes 32 bits.
 */
function onDisk(listing: Listing): Listing {
  const kept = ([name, facts]: readonly [string, Facts]): [string, Facts] => {
    const seconds = BigInt(String(facts["mtime"])) / 1_000_000_000n;
    const mtime = `${BigInt.asIntN(32, seconds) * 1_000_000_000n}`;
    const { same: _, ...others } = facts;
    return [name, facts["type"] === regular ? { ...facts, mtime } : { ...others, mtime }];
  };
  return new Map([...listing].map(kept));
}

const mebibyte = 2 ** 20;

async function withKernel(disk: string, format: string, top: string): Promise<Listing> {
  let file = disk;
  if (format === "ova") {
    await command("tar", "-C", top, "-xf", disk);
    file = join(top, "round-disk1.vmdk");
  }
  const raw = join(top, "seen.raw");
  const driver = format === "ova" ? "vmdk" : format;
  await command("qemu-img", "convert", "-f", driver, "-O", "raw", file, raw);
  const table = JSON.parse(await command("sfdisk", "--json", raw)) as {
    readonly partitiontable: {
      readonly partitions: readonly { readonly start: number; readonly size: number }[];
    };
  };
  const { start, size } = table.partitiontable.partitions[2]!;
  const root = join(top, "root.ext4");
  const length = `count=${(size * 512) / mebibyte}`;
  const words = [`if=${raw}`, `of=${root}`, "bs=1M", `skip=${(start * 512) / mebibyte}`];
  await command("dd", ...words, length, "conv=sparse", "status=none");
  await rm(raw);
  await command("fsck.ext4", "-n", "-f", root);
  const mounted = join(top, "mounted");
  await mkdir(mounted);
  await command("mount", "-o", "loop,ro", root, mounted);
  try {
    const seen = new Map(await listTree(mounted));
    seen.delete("lost+found");
    return seen;
  } finally {
    await command("umount", mounted);
    await rm(root);
  }
}
