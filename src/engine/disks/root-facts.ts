import type { ForeignFileSystem } from "../../domain/foreign-disk.ts";
import type { ImageProcess } from "../../domain/image.ts";
import { noProcess } from "../../domain/image-config.ts";
import { defaultPath } from "../../domain/process.ts";
import type { RootfsSession } from "../../domain/rootfs.ts";
import { isDuetError } from "../../kit/errors.ts";

/** Subvolumes in which distributions put the root of a btrfs: Debian and openSUSE, Fedora, Ubuntu. */
const subvolumes = ["", "/@", "/root", "/@rootfs"];
/** One of these is what a root has, and a boot or data partition has not. */
const signs = ["/etc/os-release", "/usr/lib/os-release", "/etc/passwd"];
/** These a file system of its own for /usr has as well. */
const lesserSigns = ["/sbin/init", "/bin/sh"];

/** What a machine's root would run, the first that is there; systemd has a stop signal of its own (systemd(1)). */
const commands: readonly (readonly [path: string, stopSignal: string])[] = [
  ["/usr/lib/systemd/systemd", "SIGRTMIN+3"],
  ["/lib/systemd/systemd", "SIGRTMIN+3"],
  ["/sbin/init", ""],
  ["/bin/bash", ""],
  ["/bin/sh", ""],
];

/**
 * The folder of the file system that is a root: "" for itself; null where none is. `isSure` where it is one
 * whatever else the disk has.
 */
export async function findRootFolder(
  session: RootfsSession,
  fileSystem: ForeignFileSystem,
  signal: AbortSignal,
): Promise<{ readonly folder: string; readonly isSure: boolean } | null> {
  const folders = fileSystem === "btrfs" ? subvolumes : [""];
  for (const some of [signs, lesserSigns])
    for (const folder of folders)
      for (const sign of some)
        if (await isThere(session, folder + sign, signal))
          return { folder, isSure: some === signs };
  return null;
}

/**
 * What an image of this root runs, and how it is labelled. `below` is where in the root `folder` is mounted: ""
 * for the root itself, "/usr" for one of its own, to which the root's folders of programs are links then.
 */
export async function describeRoot(
  session: RootfsSession,
  folder: string,
  signal: AbortSignal,
  below = "",
): Promise<ImageProcess> {
  const here = (path: string): string => {
    const whole = below !== "" && !path.startsWith(`${below}/`) ? `${below}${path}` : path;
    return `${folder}${whole.slice(below.length)}`;
  };
  const labels = labelsOf(await readRelease(session, here, signal));
  const base = { ...noProcess, env: [defaultPath], labels };
  for (const [path, stopSignal] of commands) {
    if (!(await isThere(session, here(path), signal))) continue;
    const isSystemd = stopSignal !== "";
    /* Its usual name is a link to systemd. */
    return { ...base, command: [isSystemd ? "/sbin/init" : path], stopSignal };
  }
  return base;
}

/** A link counts: of an absolute one the target lies below `folder`, where nothing follows it to. */
async function isThere(
  session: RootfsSession,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await session.stat(path, false, signal);
    return true;
  } catch (error) {
    if (isDuetError(error) && (error.class === "not-found" || error.class === "invalid"))
      return false;
    throw error;
  }
}

async function readRelease(
  session: RootfsSession,
  here: (path: string) => string,
  signal: AbortSignal,
): Promise<string> {
  for (const path of ["/usr/lib/os-release", "/etc/os-release"]) {
    try {
      return (await session.readFile(here(path), 64 << 10, signal)).toString("utf8");
    } catch (error) {
      if (!isDuetError(error) || error.class === "unavailable") throw error;
    }
  }
  return "";
}

const labelled: Readonly<Record<string, string>> = {
  PRETTY_NAME: "org.opencontainers.image.title",
  VERSION_ID: "org.opencontainers.image.version",
  HOME_URL: "org.opencontainers.image.url",
};

/** os-release(5): what a disk says of itself becomes labels, which are data and nothing more. */
export function labelsOf(release: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const line of release.split("\n")) {
    const match = /^([A-Z_]+)=(?:"([^"]*)"|'([^']*)'|([^\s"']*))\s*$/.exec(line);
    const key = labelled[match?.[1] ?? ""];
    const value = (match?.[2] ?? match?.[3] ?? match?.[4] ?? "").slice(0, 256);
    if (key !== undefined && value !== "" && !/[\0-\x1f\x7f]/.test(value)) labels[key] = value;
  }
  return labels;
}
