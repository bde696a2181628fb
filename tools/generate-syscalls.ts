import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * `node tools/generate-syscalls.ts`: writes the numbers of system calls by architecture, as libseccomp knows
 * them, for the filters that Duet compiles itself. Run by hand when a newer libseccomp is at hand.
 */
const target = join(import.meta.dirname, "../src/drivers/runtime-oci/filter/syscalls.json");

/** AUDIT_ARCH values of linux/audit.h; x32 shares x86-64's, libseccomp gives it one of its own. */
const architectures = [
  ["SCMP_ARCH_X86_64", 0xc000003e, 0],
  ["SCMP_ARCH_X86", 0x40000003, 0],
  ["SCMP_ARCH_X32", 0x4000003e, 0x40000000],
  ["SCMP_ARCH_AARCH64", 0xc00000b7, 0],
  ["SCMP_ARCH_ARM", 0x40000028, 0],
] as const;
const ranges = [
  [0, 700],
  [983_000, 983_060],
] as const;

/** From Linux 5.17 on, where Debian 12's libseccomp ends; one number for all architectures. */
const later = {
  first: 451,
  names:
    "cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount " +
    "lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat " +
    "removexattrat open_tree_attr file_getattr file_setattr",
};

interface Koffi {
  load(path: string): { func(declaration: string): (...args: number[]) => string | null };
}

const koffi = createRequire(import.meta.url)("koffi") as Koffi;
const nameOf = koffi
  .load("libseccomp.so.2")
  .func("str seccomp_syscall_resolve_num_arch(uint32_t arch, int num)");

function namesOf(token: number, offset: number): Map<number, string> {
  const found = new Map<number, string>();
  for (const [first, last] of ranges) {
    for (let number = first; number <= last; number += 1) {
      const name = nameOf(token, number + offset);
      if (name !== null) found.set(number, name);
    }
  }
  for (const [index, name] of later.names.split(" ").entries()) {
    const number = later.first + index;
    if (!found.has(number)) found.set(number, name);
  }
  return found;
}

/** Consecutive names under the number of the first. */
function runs(names: Map<number, string>): Record<string, string> {
  const lines: Record<string, string> = {};
  let start = -1;
  let previous = -2;
  for (const [number, name] of [...names].toSorted(([one], [other]) => one - other)) {
    if (number !== previous + 1) start = number;
    lines[start] = lines[start] === undefined ? name : `${lines[start]} ${name}`;
    previous = number;
  }
  return lines;
}

const table = Object.fromEntries(
  architectures.map(([name, token, offset]) => [name, runs(namesOf(token, offset))]),
);
writeFileSync(target, `${JSON.stringify(table, null, 2)}\n`);
