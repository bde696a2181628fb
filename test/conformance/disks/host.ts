import { access, mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../src/kit/subprocess.ts";
import { NotHere } from "./verdict.ts";

const tree = join(import.meta.dirname, "tree.py");
const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/sbin"];
const tools = process.env["DISK_TOOLS"];
if (tools !== undefined) folders.push(tools);
const path = folders.join(":");
const programs =
  "python3 qemu-img losetup sfdisk mke2fs debugfs tune2fs fsck.ext4 mkfs.xfs mkfs.btrfs btrfs mkfs.fat";

/** Throws where this host lacks a program that the cases are made with. */
export async function assertPrograms(): Promise<void> {
  const isThere = async (program: string): Promise<boolean> =>
    await Promise.any(folders.map((folder) => access(join(folder, program)))).then(
      () => true,
      () => false,
    );
  for (const program of programs.split(" "))
    if (!(await isThere(program)))
      throw new Error(`${program} is missing · DISK_TOOLS may name a folder that has it`);
}

/** A program of the host's; throws with what it said where it fails. */
export async function command(program: string, ...words: readonly string[]): Promise<string> {
  return await commandWith("", program, ...words);
}

/** As `command`, with something to read. */
export async function commandWith(
  input: string,
  program: string,
  ...words: readonly string[]
): Promise<string> {
  const { stdout } = await run(program, words, {
    signal: AbortSignal.timeout(600_000),
    env: { PATH: path },
    input,
    maxOutput: 64 << 20,
  });
  return stdout.toString();
}

export async function blank(file: string, mebibytes: number): Promise<string> {
  await writeFile(file, "");
  await using handle = await open(file, "r+");
  await handle.truncate(mebibytes * 2 ** 20);
  return file;
}

/**
 * Runs `work` with a well-formed file system in a file mounted by this host's kernel. Throws NotHere where that
 * kernel does not know such a file system. The caller has a mount namespace of its own.
 */
export async function mounted<T>(
  file: string,
  options: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = `${file}.mounted`;
  await mkdir(folder, { recursive: true });
  await command("mount", "-o", `loop,${options}`, file, folder).catch((error: unknown) => {
    throw new NotHere("this host's kernel does not mount it", { cause: error });
  });
  try {
    return await work(folder);
  } finally {
    await command("umount", folder);
  }
}

export async function makeTree(
  folder: string,
  seed: number,
  without: readonly string[],
): Promise<void> {
  await command("python3", tree, "make", folder, `${seed}`, ...without);
}

/** What tree.py says of a name. */
export type Facts = Readonly<Record<string, unknown>>;
export type Listing = ReadonlyMap<string, Facts>;

export async function listTree(folder: string): Promise<Listing> {
  const lines = (await command("python3", tree, "list", folder)).split("\n").filter(Boolean);
  return new Map(
    lines.map((line) => JSON.parse(line) as Facts).map((facts) => [String(facts["name"]), facts]),
  );
}

/** Times before 1970 are 1970 in the store, as with Docker. */
export function asUnpacked(listing: Listing): Listing {
  return new Map(
    [...listing].map(([name, facts]) => [
      name,
      String(facts["mtime"]).startsWith("-") ? { ...facts, mtime: "0" } : facts,
    ]),
  );
}

/** What differs, a line each: at most `most`. */
export function differences(
  wanted: Listing,
  got: Listing,
  without: readonly string[] = [],
  most = 12,
): readonly string[] {
  const lines: string[] = [];
  for (const name of new Set([...wanted.keys(), ...got.keys()])) {
    const one = wanted.get(name);
    const other = got.get(name);
    const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
    if (other === undefined && /(^|\/)lost\+found$/.test(name)) continue;
    if (other === undefined) lines.push(`${shown} is missing (type ${String(one?.["type"])})`);
    else if (one === undefined) lines.push(`${shown} is there, and should not be`);
    else
      for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
        const [was, is] = [JSON.stringify(one[key]), JSON.stringify(other[key])];
        if (name === "." && key === "mtime") continue;
        if (was !== is && !without.includes(key))
          lines.push(`${shown} ${key}: ${was?.slice(0, 90)} became ${is?.slice(0, 90)}`);
      }
  }
  return lines.length > most ? [...lines.slice(0, most), `… ${lines.length} in all`] : lines;
}
