import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { TestDaemon } from "../../e2e/daemon.ts";
import { partition, place } from "./carriers.ts";
import { importTree } from "./engine.ts";
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

interface Part {
  readonly argv: readonly string[];
  readonly mebibytes: number;
  /** Where the root's fstab has it mounted, as which source, with which options. */
  readonly at: string;
  readonly source: string;
  readonly type: string;
}

const ext4 = ["mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096"];
const id = (digit: string): string => `${digit.repeat(8)}-1111-4222-8333-444444444444`;

/** Roots whose parts lie in partitions of their own: the first is the root. */
const disks: readonly (readonly Part[])[] = [
  [
    {
      argv: [...ext4, "-U", id("a")],
      mebibytes: 64,
      at: "/",
      source: `UUID=${id("a")}`,
      type: "ext4",
    },
    {
      argv: ["mkfs.xfs", "-q", "-f", "-L", "programs"],
      mebibytes: 320,
      at: "/usr",
      source: "LABEL=programs",
      type: "xfs",
    },
    {
      argv: [...ext4, "-b", "1024"],
      mebibytes: 32,
      at: "/boot",
      source: "PARTUUID=33333333-1111-4222-8333-444444444444",
      type: "auto",
    },
    { argv: ext4, mebibytes: 64, at: "/home/all of us", source: "/dev/vda4", type: "ext4" },
  ],
  [
    { argv: ext4, mebibytes: 64, at: "/", source: "/dev/sda1", type: "ext4" },
    {
      argv: [...ext4, "-U", id("b")],
      mebibytes: 200,
      at: "/var",
      source: `/dev/disk/by-uuid/${id("b")}`,
      type: "ext4",
    },
    { argv: ext4, mebibytes: 64, at: "/var/log", source: "PARTLABEL=part-3", type: "ext4" },
  ],
];

/** A root in several partitions, and one in subvolumes of a btrfs, by turns. */
export async function partedCase(
  daemon: TestDaemon,
  folder: string,
  seed: number,
  without: readonly string[],
): Promise<Verdict> {
  const top = join(folder, `parted-${seed}`);
  await mkdir(top);
  const kind = seed % (disks.length + subvolumes.length);
  try {
    const parts = disks[kind];
    const made =
      parts === undefined
        ? await inSubvolumes(subvolumes[kind - disks.length]!, top, seed, without)
        : await inPartitions(parts, top, seed, without);
    const got = await importTree(daemon, made.disk);
    const name = `${seed}: ${parts === undefined ? subvolumes[kind - disks.length]!.name : `${parts.length} partitions`}`;
    return {
      name,
      found: typeof got === "string" ? [got] : differences(asUnpacked(made.wanted), got),
    };
  } finally {
    await rm(top, { recursive: true, force: true });
  }
}

interface Made {
  readonly disk: string;
  readonly wanted: Listing;
}

async function inPartitions(
  parts: readonly Part[],
  top: string,
  seed: number,
  without: readonly string[],
): Promise<Made> {
  const lines = parts.map(
    ({ source, at, type }) => `${source} ${at.replaceAll(" ", "\\040")} ${type} defaults 0 2`,
  );
  const fstab = [
    "# made by a test",
    ...lines,
    "tmpfs /tmp tmpfs defaults 0 0",
    "LABEL=elsewhere /mnt ext4 nofail 0 0",
    "",
  ].join("\n");
  const files: string[] = [];
  for (const [index, part] of parts.entries()) {
    const file = await blank(join(top, `part-${index}`), part.mebibytes);
    await command(part.argv[0]!, ...part.argv.slice(1), file);
    await mounted(file, "rw", async (inside) => {
      const lacks = ["huge", "sparse", ...without, ...(index > 0 ? ["root"] : [])];
      await makeTree(inside, seed * 10 + index, lacks);
      for (const { at } of parts)
        if (at.startsWith(part.at))
          await mkdir(join(inside, relative(part.at, at)), { recursive: true });
      if (index === 0) await writeFile(join(inside, "etc/fstab"), fstab);
      /* The programs' own file system has what a root has too. */
      if (part.at === "/usr") await makePrograms(inside);
    });
    files.push(file);
  }
  const wanted = await together(files, parts, 0, join(top, "all"));
  const disk = join(top, "disk");
  const starts: number[] = [];
  let next = 1;
  for (const { mebibytes } of parts) {
    starts.push(next);
    next += mebibytes + 1;
  }
  const table = parts.map(({ mebibytes }, index) => {
    const uuid = `${String(index + 1).repeat(8)}-1111-4222-8333-444444444444`;
    return `start=${starts[index]}MiB,size=${mebibytes}MiB,uuid=${uuid},name="part-${index + 1}"`;
  });
  await partition(await blank(disk, next + 1), `label: gpt\n${table.join("\n")}\n`);
  for (const [index, file] of files.entries()) await place(file, disk, starts[index]!);
  return { disk, wanted };
}

async function makePrograms(folder: string): Promise<void> {
  for (const name of ["bin/sh", "sbin/init", "lib/systemd/systemd", "lib/os-release"]) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), "");
  }
}

/** The listing with one mounted in the other, as the machine would see it. */
async function together(
  files: readonly string[],
  parts: readonly Part[],
  index: number,
  folder: string,
): Promise<Listing> {
  const file = files[index];
  if (file === undefined) return await listTree(folder);
  const target = index === 0 ? folder : join(folder, parts[index]!.at);
  if (index === 0) await mkdir(target);
  await command("mount", "-o", "loop,ro", file, target);
  try {
    return await together(files, parts, index + 1, folder);
  } finally {
    await command("umount", target);
  }
}

interface Subvolumes {
  readonly name: string;
  readonly root: string;
  readonly isDefault: boolean;
  readonly made: readonly string[];
  /** Folders of the file system by where fstab mounts them. */
  readonly mounts: Readonly<Record<string, string>>;
  /** Subvolumes within the root, which nothing mounts. */
  readonly nested: readonly string[];
}

const subvolumes: readonly Subvolumes[] = [
  {
    name: "Fedora's subvolumes",
    root: "root",
    isDefault: false,
    made: ["root", "home"],
    mounts: { "/home": "home" },
    nested: ["var/lib/machines"],
  },
  {
    name: "Ubuntu's subvolumes",
    root: "@",
    isDefault: false,
    made: ["@", "@home"],
    mounts: { "/home": "@home" },
    nested: [],
  },
  {
    name: "openSUSE's subvolumes",
    root: "@/.snapshots/1/snapshot",
    isDefault: true,
    made: ["@", "@/.snapshots", "@/.snapshots/1/snapshot", "@/var", "@/usr/local"],
    mounts: { "/var": "@/var", "/usr/local": "@/usr/local", "/.snapshots": "@/.snapshots" },
    nested: [],
  },
  {
    name: "nested subvolumes",
    root: "",
    isDefault: false,
    made: [],
    mounts: {},
    nested: ["home", "srv/deep"],
  },
];

async function inSubvolumes(
  kind: Subvolumes,
  top: string,
  seed: number,
  without: readonly string[],
): Promise<Made> {
  const disk = await blank(join(top, "disk"), 300);
  await command("mkfs.btrfs", "-q", "-f", "-L", "all", disk);
  await mounted(disk, "rw", async (inside) => {
    for (const path of kind.made.toSorted()) {
      await mkdir(dirname(join(inside, path)), { recursive: true });
      await command("btrfs", "subvolume", "create", join(inside, path));
    }
    const root = join(inside, kind.root);
    if (kind.isDefault) await command("btrfs", "subvolume", "set-default", root);
    await makeTree(root, seed, ["huge", "sparse", ...without]);
    const lines = Object.entries(kind.mounts).map(
      ([at, path]) => `LABEL=all ${at} btrfs rw,subvol=/${path} 0 0`,
    );
    await writeFile(join(root, "etc/fstab"), `${lines.join("\n")}\n`);
    for (const at of Object.keys(kind.mounts)) await mkdir(join(root, at), { recursive: true });
    for (const path of kind.nested) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await command("btrfs", "subvolume", "create", join(root, path));
      await makeTree(join(root, path), seed + 1, ["huge", "sparse", ...without]);
    }
    for (const [index, path] of Object.values(kind.mounts).entries())
      if (!path.endsWith(".snapshots"))
        await makeTree(join(inside, path), seed + 2 + index, ["huge", "sparse", ...without]);
  });
  const all = join(top, "all");
  await mkdir(all);
  const mount = async (path: string, at: string): Promise<void> => {
    await command("mount", "-o", `loop,ro,subvol=/${path}`, disk, join(all, at));
  };
  await mount(kind.root, "");
  try {
    for (const [at, path] of Object.entries(kind.mounts))
      if (at !== "/.snapshots") await mount(path, at);
    return { disk, wanted: await listTree(all) };
  } finally {
    await command("umount", "-R", all);
  }
}
