import { readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../src/kit/subprocess.ts";

/** Kind and name of something of ours that the host holds, such as `mount /tmp/duet-x/merged`. */
export type Trace = string;

type Probe = (root: string, signal: AbortSignal) => Promise<Trace[]>;

const probes: readonly Probe[] = [
  mounts,
  namespaces,
  links,
  tables,
  cgroups,
  processes,
  temporaryFiles,
];

/** What Duet's programs and tests would leave behind on this host, were they to leave something. */
export async function takeTraces(root: string, signal: AbortSignal): Promise<Set<Trace>> {
  const found = await Promise.all(probes.map((probe) => probe(root, signal)));
  return new Set(found.flat());
}

/** What is there now and was not before, sorted. */
export function leakedSince(before: ReadonlySet<Trace>, now: ReadonlySet<Trace>): Trace[] {
  return [...now].filter((trace) => !before.has(trace)).toSorted();
}

/**
 * What is left of a run now that was not there before it, sorted. What ends by itself within a while is
 * not: a process that was killed is seen until the kernel has taken its memory.
 */
export async function leftSince(
  before: ReadonlySet<Trace>,
  root: string,
  signal: AbortSignal,
): Promise<Trace[]> {
  const found = leakedSince(before, await takeTraces(root, signal));
  const pids = found.flatMap((trace) => /^process (\d+) /.exec(trace)?.[1] ?? []);
  const patience = AbortSignal.any([signal, AbortSignal.timeout(endMilliseconds)]);
  const ends = pids.map(async (pid) => {
    const words = ["-s", "0.1", "--pid", pid, "-f", "/dev/null"];
    await run("tail", words, { signal: patience }).catch(() => undefined);
  });
  await Promise.all(ends);
  return pids.length === 0 ? found : leakedSince(before, await takeTraces(root, signal));
}

const endMilliseconds = 30_000;
const ours = /duet/i;

async function mounts(): Promise<Trace[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  const points = table.split("\n").map((line) => line.split(" ")[4] ?? "");
  return points.filter((point) => ours.test(point)).map((point) => `mount ${point}`);
}

async function namespaces(_root: string, signal: AbortSignal): Promise<Trace[]> {
  const names = (await namesIn("/run/netns")).filter((name) => ours.test(name));
  signal.throwIfAborted();
  return names.map((name) => `network namespace ${name}`);
}

/** Bridges, veths and taps. Their names begin as the network driver names them. */
async function links(): Promise<Trace[]> {
  const names = await namesIn("/sys/class/net");
  return names
    .filter((name) => /^(duet|dv|dt|db)[-0-9a-f]/.test(name))
    .map((name) => `link ${name}`);
}

async function tables(_root: string, signal: AbortSignal): Promise<Trace[]> {
  try {
    const { stdout } = await run("nft", ["-j", "list", "tables"], { signal });
    const { nftables } = JSON.parse(stdout.toString("utf8")) as {
      nftables: { table?: { family: string; name: string } }[];
    };
    return nftables
      .flatMap(({ table }) => (table === undefined ? [] : [`${table.family} ${table.name}`]))
      .filter((name) => ours.test(name))
      .map((name) => `nft table ${name}`);
  } catch {
    return [];
  }
}

async function cgroups(): Promise<Trace[]> {
  const hierarchies = await namesIn("/sys/fs/cgroup");
  const places = ["", ...hierarchies].map((name) => join("/sys/fs/cgroup", name));
  const found = await Promise.all(
    places.map(async (place) =>
      (await namesIn(place)).filter((name) => ours.test(name)).map((name) => join(place, name)),
    ),
  );
  const below = await Promise.all(
    found.flat().map(async (group) => {
      const entries = await readdir(group, { withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isDirectory()).map((entry) => join(group, entry.name));
    }),
  );
  // The same group stands in every hierarchy of version 1; its name is said once.
  const names = below.flat().map((group) => group.split("/").slice(-2).join("/"));
  return [...new Set(names)].map((name) => `cgroup ${name}`);
}

const ourPrograms =
  /(^|\/)(duetd?|duet-(shim|agent|rootfs)|qemu-system-\w+|src\/daemon\/main\.ts|dist\/duetd?\.js)$/;

/** Programs of this clone, and QEMUs that work on our files. */
async function processes(root: string): Promise<Trace[]> {
  const pids = (await namesIn("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map((pid) => processTrace(root, pid)));
  return lines.filter((line) => line !== undefined);
}

async function processTrace(root: string, pid: string): Promise<Trace | undefined> {
  try {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8");
    const words = line.split("\0");
    if (!words.slice(0, 2).some((word) => ourPrograms.test(word))) return undefined;
    const program = await readlink(`/proc/${pid}/exe`).catch(() => "");
    const isOurs = program.startsWith(root) || ours.test(line);
    return isOurs ? `process ${pid} ${words.join(" ").trim().slice(0, 160)}` : undefined;
  } catch {
    return undefined;
  }
}

/** What tests and daemons begin the names of their folders with; short ones, for the paths of sockets. */
const testFolder = /^(duet|reach|d(ag|j|k|m|s|sh|vm|w))[-.]/;

async function temporaryFiles(): Promise<Trace[]> {
  const names = await namesIn("/tmp");
  return names.filter((name) => testFolder.test(name)).map((name) => `file /tmp/${name}`);
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
