import { closeSync, readFileSync, writeSync } from "node:fs";
import { DuetError } from "../../kit/errors.ts";
import { systemCall, trySystemCall } from "../../kit/syscalls.ts";

/** linux/memfd.h and fcntl.h. */
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 0x10;
const F_ADD_SEALS = 1033;
const allSeals = 1 | 2 | 4 | 8;

const create = "int memfd_create(const char *name, unsigned int flags)";

/**
 * The path of an unchangeable copy of a program in memory, for as long as this process lives. A fork of the shim
 * enters containers: whatever a container gets hold of through /proc/self/exe, it is not the host's file
 * (CVE-2019-5736). Throws `unavailable` SHIM_FAILED where the program cannot be read.
 */
export function sealedProgram(path: string, name: string): string {
  const content = read(path);
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  /* Kernels before 6.3 do not know MFD_EXEC, and need none. */
  let fd = trySystemCall(create, name, flags | MFD_EXEC);
  if (fd < 0) fd = systemCall(create, name, flags);
  try {
    for (let written = 0; written < content.length;)
      written += writeSync(fd, content, written, content.length - written);
    systemCall("int fcntl(int fd, int command, int argument)", fd, F_ADD_SEALS, allSeals);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return `/proc/self/fd/${fd}`;
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new DuetError("unavailable", "SHIM_FAILED", `cannot start the shim · ${path}`, {
      cause,
      hint: "build the native parts with `make -C native`",
    });
  }
}
