import type { SecuritySpec } from "../../domain/limits.ts";
import { DuetError } from "../../kit/errors.ts";
import type { OciCapabilities } from "./oci-spec.ts";

/** In the order of their numbers; capabilities(7). */
const allCapabilities: readonly string[] = [
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE",
  "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT",
  "SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE",
  "AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ",
  "PERFMON BPF CHECKPOINT_RESTORE",
].flatMap((line) => line.split(" ").map((name) => `CAP_${name}`));

/** Docker's default set. */
const defaultCapabilities: readonly string[] = [
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE",
  "SYS_CHROOT KILL AUDIT_WRITE",
].flatMap((line) => line.split(" ").map((name) => `CAP_${name}`));

/**
 * The bounding set that a security specification stands for, as Docker counts it: privileged is all;
 * `ALL` in add or drop is all; drops win over the default, adds over drops of `ALL`. What the host
 * has not to give (`available`, bit n for capability n) is left out. Throws `invalid` CAPABILITY_UNKNOWN.
 */
export function boundingSet(security: SecuritySpec, available: bigint): readonly string[] {
  const known = allCapabilities.filter((_, number) => (available >> BigInt(number)) & 1n);
  if (security.privileged) return known;
  const add = security.capAdd.map((name) => capabilityName(name));
  const drop = new Set(security.capDrop.map((name) => capabilityName(name)));
  const base = add.includes("ALL") ? known : drop.has("ALL") ? [] : defaultCapabilities;
  const kept = base.filter((name) => !drop.has(name));
  const wanted = new Set([...kept, ...add.filter((name) => name !== "ALL")]);
  return known.filter((name) => wanted.has(name));
}

function capabilityName(name: string): string {
  const upper = name.toUpperCase();
  if (upper === "ALL" || upper === "CAP_ALL") return "ALL";
  const full = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (allCapabilities.includes(full)) return full;
  throw new DuetError(
    "invalid",
    "CAPABILITY_UNKNOWN",
    `invalid capability: ${JSON.stringify(name.slice(0, 80))}`,
    {
      hint: "capabilities(7) lists the names; ALL stands for all of them",
    },
  );
}

/**
 * What a process of this user gets: root the whole set, another user only the bounding set, as
 * execve(2) would leave it. Nothing is inheritable or ambient, so that no program gains by a user change.
 */
export function processCapabilities(bounding: readonly string[], uid: number): OciCapabilities {
  const own = uid === 0 ? bounding : [];
  return { bounding, effective: own, permitted: own, inheritable: [], ambient: [] };
}

/** Bit n for capability n. */
export function capabilityMask(names: readonly string[]): bigint {
  return allCapabilities.reduce(
    (mask, name, number) => (names.includes(name) ? mask | (1n << BigInt(number)) : mask),
    0n,
  );
}
