import { stat } from "node:fs/promises";
import { DuetError } from "../../kit/errors.ts";
import { run } from "../../kit/subprocess.ts";

/** The QEMU that this host has. */
export interface QemuProgram {
  readonly path: string;
  /** Such as `7.2.22`. */
  readonly version: string;
  /** Tells a replaced program apart. */
  readonly stamp: string;
}

const candidates = ["/usr/bin/qemu-system-x86_64", "/usr/local/bin/qemu-system-x86_64"];

/** Throws `unavailable` NO_QEMU. */
export async function findQemu(signal: AbortSignal): Promise<QemuProgram> {
  for (const path of candidates) {
    const facts = await stat(path).catch(() => undefined);
    if (facts === undefined) continue;
    const printed = (await run(path, ["--version"], { signal })).stdout.toString("utf8");
    const version = /version (\d+(?:\.\d+)*)/.exec(printed)?.[1] ?? "unknown";
    return { path, version, stamp: `${facts.size}-${Math.trunc(facts.mtimeMs)}` };
  }
  throw new DuetError("unavailable", "NO_QEMU", "no QEMU on this host", {
    hint: "install the package qemu-system-x86",
  });
}

/** Whether this QEMU can map a memory file privately without opening it for writing (`rom=off`, 8.2). */
export function mapsReadonlyFiles(qemu: Pick<QemuProgram, "version">): boolean {
  const [major = 0, minor = 0] = qemu.version.split(".").map(Number);
  return major > 8 || (major === 8 && minor >= 2);
}
