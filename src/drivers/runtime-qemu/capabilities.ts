import type { SecuritySpec } from "../../domain/limits.ts";
import { DuetError } from "../../kit/errors.ts";

/** Names in the order of their numbers (capability.h). */
const names = [
  ...[
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
  ],
  ...[
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
  ],
  ...[
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
  ],
  ...[
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
  ],
  ...[
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
  ],
  "CHECKPOINT_RESTORE",
];

/** Docker's default set (moby, oci/caps/defaults.go). */
const defaults = [
  ...[
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
  ],
  ...["NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"],
];

const all = (1n << BigInt(names.length)) - 1n;

/** The set that a workload may have, bit n for capability n. Throws `invalid` CAPABILITY_UNKNOWN. */
export function capabilityMask(
  security: Pick<SecuritySpec, "privileged" | "capAdd" | "capDrop">,
): bigint {
  if (security.privileged) return all;
  const added = security.capAdd.map(bits);
  const dropped = security.capDrop.map(bits);
  const start = dropped.includes(all)
    ? 0n
    : defaults.map(bits).reduce((mask, bit) => mask | bit, 0n);
  const without = dropped.filter((mask) => mask !== all).reduce((mask, bit) => mask & ~bit, start);
  const named = added.filter((mask) => mask !== all).reduce((mask, bit) => mask | bit, without);
  if (!added.includes(all)) return named;
  return dropped.filter((mask) => mask !== all).reduce((mask, bit) => mask & ~bit, all);
}

function bits(name: string): bigint {
  const plain = name.toUpperCase().replace(/^CAP_/, "");
  if (plain === "ALL") return all;
  const index = names.indexOf(plain);
  if (index >= 0) return 1n << BigInt(index);
  throw new DuetError(
    "invalid",
    "CAPABILITY_UNKNOWN",
    `unknown capability: ${JSON.stringify(name.slice(0, 50))}`,
  );
}
