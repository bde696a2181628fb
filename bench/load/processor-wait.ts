import { openSync, readSync } from "node:fs";

/**
 * How long this process's main thread has been ready to run and had no processor, in milliseconds so far
 * (the second number of /proc/self/schedstat): the machine's share of every wait.
 */
export function processorWait(): () => number {
  const schedule = openSync("/proc/self/schedstat", "r");
  const buffer = Buffer.alloc(128);
  return () => {
    const size = readSync(schedule, buffer, 0, buffer.length, 0);
    return Number(buffer.toString("latin1", 0, size).split(" ")[1]) / 1e6;
  };
}
