import { existsSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { DuetError } from "../../src/kit/errors.ts";
import { run, type RunResult } from "../../src/kit/subprocess.ts";

const quiet = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
/** Waits for another apt on the same host instead of failing. */
const patience = ["-o", "DPkg::Lock::Timeout=300"];

/** Which package lists apt uses; without options those of the host. */
export interface AptSource {
  readonly options: readonly string[];
}

export const hostSource: AptSource = { options: [] };

/** Whether this host is a Debian whose packages Duet can fetch. */
export function hasApt(): boolean {
  return existsSync("/usr/bin/apt-get") && existsSync("/usr/bin/dpkg-deb");
}

/** Refreshes package lists only when one of the names has no candidate in them. */
export async function refreshLists(
  names: readonly string[],
  source: AptSource,
  signal: AbortSignal,
): Promise<boolean> {
  const unknown = await withoutCandidate(names, source, signal);
  if (unknown.length === 0) return false;
  await update(source, signal);
  const still = await withoutCandidate(names, source, signal);
  if (still.length === 0) return true;
  throw new DuetError(
    "not-found",
    "PACKAGE_UNKNOWN",
    `no package source of this host has ${still.join(", ")}`,
    { hint: "add Debian's main archive to the package sources, then run this again" },
  );
}

export async function update(source: AptSource, signal: AbortSignal): Promise<void> {
  await apt("apt-get", ["update", "-q"], source, signal);
}

/** Installs packages without what they only recommend; an outdated list is refreshed once. */
export async function installPackages(
  names: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  await refreshLists(names, hostSource, signal);
  const args = ["install", "-y", "-q", "--no-install-recommends", "--no-upgrade", ...names];
  try {
    await apt("apt-get", [...patience, ...args], hostSource, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!isOutdated(error)) throw error;
    await update(hostSource, signal);
    await apt("apt-get", [...patience, ...args], hostSource, signal);
  }
}

/** Downloads packages, not what they depend on, into `folder`; gives the paths of the .deb files. */
export async function downloadPackages(
  names: readonly string[],
  folder: string,
  source: AptSource,
  signal: AbortSignal,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  await refreshLists(names, source, signal);
  const fetch = (): Promise<RunResult> =>
    apt("apt-get", ["download", "-q", ...names], source, signal, folder);
  try {
    await fetch();
  } catch (error) {
    signal.throwIfAborted();
    if (!isOutdated(error)) throw error;
    await update(source, signal);
    await fetch();
  }
  const files = await readdir(folder);
  return files
    .filter((name) => name.endsWith(".deb"))
    .map((name) => join(folder, name))
    .toSorted();
}

/** Unpacks a package's files below `folder`, without running anything of it. */
export async function unpackPackage(
  archive: string,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await run("dpkg-deb", ["--extract", archive, folder], { signal });
}

/** Real packages that `name` depends on, the first of alternatives, as apt lists them. */
export async function dependenciesOf(
  name: string,
  source: AptSource,
  signal: AbortSignal,
): Promise<string[]> {
  const { stdout } = await apt(
    "apt-cache",
    ["depends", "--important", "--no-recommends", "--no-suggests", name],
    source,
    signal,
  );
  const found = stdout.toString("utf8").matchAll(/^ {2}(?:Pre)?Depends: ([^<\s]+)$/gm);
  return [...found].map(([, dependency = ""]) => dependency);
}

/** `names` and those of their dependencies, and of theirs, that `follow` matches; sorted. */
export async function closureOf(
  names: readonly string[],
  follow: RegExp,
  source: AptSource,
  signal: AbortSignal,
): Promise<string[]> {
  const found = new Set<string>();
  const waiting = [...names];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const dependencies = await dependenciesOf(name, source, signal);
    waiting.push(...dependencies.filter((one) => follow.test(one)));
  }
  return [...found].toSorted();
}

async function withoutCandidate(
  names: readonly string[],
  source: AptSource,
  signal: AbortSignal,
): Promise<string[]> {
  const { stdout } = await apt("apt-cache", ["policy", ...names], source, signal);
  const text = stdout.toString("utf8");
  const known = new Set(
    [...text.matchAll(/^(\S+):\n(?: {2}Installed:.*\n) {2}Candidate: (?!\(none\))/gm)].map(
      ([, name]) => name,
    ),
  );
  return names.filter((name) => !known.has(name));
}

function apt(
  program: "apt-get" | "apt-cache",
  args: readonly string[],
  source: AptSource,
  signal: AbortSignal,
  cwd?: string,
): Promise<RunResult> {
  return run(program, [...source.options, ...args], {
    signal,
    env: quiet,
    maxOutput: 64 << 20,
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** A package that the lists name and the archive no longer has. */
function isOutdated(error: unknown): boolean {
  return error instanceof Error && /404|Unable to fetch|Failed to fetch/.test(error.message);
}
