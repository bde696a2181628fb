import { readFileSync } from "node:fs";

/** Names this run of the kernel: another one means that what was written and not flushed may be lost (random(4)). */
export function currentBoot(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
