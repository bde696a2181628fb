import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { never, withDeadline } from "../../kit/abort.ts";
import { DuetError, toDuetError } from "../../kit/errors.ts";
import { run } from "../../kit/subprocess.ts";

/** The profile of containers that ask for none. */
export const defaultProfile = "duet-default";
/** What Docker calls its own, which has the same rules. */
const dockersName = "docker-default";
const switchFile = "/sys/module/apparmor/parameters/enabled";
/** Of securityfs: a line `NAME (MODE)` for each profile that the kernel has. */
const listFile = "/sys/kernel/security/apparmor/profiles";
const parsers = ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"];
const loadMilliseconds = 30_000;

/** Whether this host confines by AppArmor, and has the program that loads profiles. */
export function hasAppArmor(): boolean {
  return isEnabled() && parserPath() !== undefined;
}

function isEnabled(): boolean {
  try {
    return readFileSync(switchFile, "utf8").trim() === "Y";
  } catch {
    return false;
  }
}

function parserPath(): string | undefined {
  return parsers.find((path) => existsSync(path));
}

let loading: Promise<void> | undefined;
/** By this daemon: what an older one has loaded may say something else. */
let wasLoaded = false;

/**
 * The profile that a container runs under: "" where the host has no AppArmor. The default one is loaded at its first
 * use, and again where it is gone. Throws `unavailable` APPARMOR_FAILED where it cannot be.
 */
export async function effectiveProfile(asked: string, privileged: boolean): Promise<string> {
  if (asked === "unconfined" || (privileged && asked === "")) return "unconfined";
  if (asked !== "" && asked !== dockersName && asked !== defaultProfile) return asked;
  if (!wasLoaded || !(await isLoaded())) {
    loading ??= load().finally(() => (loading = undefined));
    await loading;
  }
  return defaultProfile;
}

/** The host's tools drop profiles that no package of the host has. Where the list cannot be read none is missed. */
async function isLoaded(): Promise<boolean> {
  const list = await readFile(listFile, "utf8").catch(() => `${defaultProfile} (`);
  return list.split("\n").some((line) => line.startsWith(`${defaultProfile} (`));
}

async function load(): Promise<void> {
  const signal = withDeadline(never, loadMilliseconds, "loading the AppArmor profile");
  try {
    const words = ["--replace", "--skip-cache", "--quiet"];
    await run(parserPath() ?? parsers[0]!, words, { signal, input: profileText });
    wasLoaded = true;
  } catch (error) {
    throw new DuetError(
      "unavailable",
      "APPARMOR_FAILED",
      `cannot load the AppArmor profile ${defaultProfile} · ${toDuetError(error).message}`,
      {
        cause: error,
        hint: "run the container with --security-opt apparmor=unconfined, or mend the host's apparmor_parser",
      },
    );
  }
}

/**
 * Everything is allowed that other walls of a container let through, but no mounts, and of the kernel's own files none
 * that change the host or tell of its insides. Signals come from outside; signals and traces stay among containers.
 */
const profileText = `
profile ${defaultProfile} flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (send,receive) peer=${defaultProfile},
  ptrace (trace,read,tracedby,readby) peer=${defaultProfile},
  unix,
  dbus,

  deny mount,
  deny pivot_root,

  # Of /proc a process may write what processes have, and of /proc/sys the limits of shared memory.
  deny /proc/* w,
  deny /proc/{[^1-9s]*,s[^y]*,sy[^s]*}/** w,
  deny /proc/sys/[^k]** w,
  deny /proc/sys/kernel/[^s]** w,
  deny /proc/sys/kernel/s[^h]** w,
  deny /proc/sys/kernel/sh[^m]** w,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kcore rwklx,
  deny /proc/kmem rwklx,
  deny /proc/mem rwklx,

  # Of /sys only cgroups.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;
