import { chmod, copyFile, link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { cacheFolder } from "../../images/cache.ts";
import { errnoOf } from "../../src/kit/errors.ts";

/**
 * Templates and the KVM verdict outlive a test's daemon: building them takes ten seconds of a
 * processor, they are named by all that they are made of, and clones map them privately.
 */
const cache = join(cacheFolder(), "test-vm");
const keptMilliseconds = 24 * 60 * 60 * 1_000;

/** Gives a new daemon what earlier ones found out, and what they built. */
export async function lendVmCache(dataRoot: string, templates: boolean): Promise<void> {
  const target = join(dataRoot, "vm");
  if (templates) return await ifOneFileSystem(() => copyMissing(cache, target));
  await mkdir(target, { recursive: true, mode: 0o700 });
  // A copy: the data root may be a file system of its own.
  await copyFile(join(cache, "kvm.json"), join(target, "kvm.json")).catch(() => undefined);
}

/** Takes over what this daemon has built, and drops what other builds left over a day ago. */
export async function keepVmCache(dataRoot: string): Promise<void> {
  await ifOneFileSystem(() => copyMissing(join(dataRoot, "vm"), cache));
  const templates = join(cache, "templates");
  for (const name of await readdir(templates).catch(() => [])) {
    const status = await stat(join(templates, name)).catch(() => undefined);
    if (status === undefined || Date.now() - status.mtimeMs < keptMilliseconds) continue;
    await rm(join(templates, name), { recursive: true, force: true });
  }
}

/** Memory files are shared by hard links or not at all: a copy costs what it would save. */
async function ifOneFileSystem(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (errnoOf(error) !== "EXDEV") throw error;
  }
}

async function copyMissing(from: string, to: string): Promise<void> {
  await linkChildren(from, to, (name) => name === "kvm.json");
  await linkChildren(join(from, "templates"), join(to, "templates"), (name) =>
    /^[0-9a-z-]+$/.test(name),
  );
}

async function linkChildren(
  from: string,
  to: string,
  isWhole: (name: string) => boolean,
): Promise<void> {
  const names = (await readdir(from).catch(() => [])).filter(isWhole);
  if (names.length > 0) await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of names) {
    const target = join(to, name);
    if ((await stat(target).catch(() => undefined)) !== undefined) continue;
    const temporary = join(to, `.copy-${randomBytes(6).toString("hex")}`);
    await linkTree(join(from, name), temporary);
    try {
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
    }
  }
}

async function linkTree(from: string, to: string): Promise<void> {
  const status = await stat(from);
  if (status.isFile()) return await link(from, to);
  if (!status.isDirectory()) return;
  await mkdir(to, { mode: 0o700 });
  await chmod(to, status.mode & 0o7777);
  for (const name of await readdir(from)) await linkTree(join(from, name), join(to, name));
}
