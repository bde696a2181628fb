import { existsSync, readFileSync } from "node:fs";
import { never, withDeadline } from "../../kit/abort.ts";
import { DuetError, toDuetError } from "../../kit/errors.ts";
import { run } from "../../kit/subprocess.ts";

/** The profile of containers that ask for none. */
export const defaultProfile = "duet-default";
/** What Docker calls its own, which has the same rules. */
const dockersName = "docker-default";
const switchFile = "/sys/module/apparmor/parameters/enabled";
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

/**
 * The profile that a container runs under: "" where the host has no AppArmor. The default one is loaded at its first
 * use. Throws `unavailable` APPARMOR_FAILED where it cannot be.
 */
export async function effectiveProfile(asked: string, privileged: boolean): Promise<string> {
  if (asked === "unconfined" || (privileged && asked === "")) return "unconfined";
  if (asked !== "" && asked !== dockersName && asked !== defaultProfile) return asked;
  loading ??= load();
  try {
    await loading;
  } catch (error) {
    // The next one tries again.
    loading = undefined;
    throw error;
  }
  return defaultProfile;
}

async function load(): Promise<void> {
  const signal = withDeadline(never, loadMilliseconds, "loading the AppArmor profile");
  try {
    const words = ["--replace", "--skip-cache", "--quiet"];
    await run(parserPath() ?? parsers[0]!, words, { signal, input: profileText });
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
