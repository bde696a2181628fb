import { writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";
import { errnoOf } from "../kit/errors.ts";
import type { Log } from "../kit/log.ts";
import { systemCall } from "../kit/syscalls.ts";

const niceValue = -5;
const schedOther = 0;
const schedResetOnFork = 0x40000000;
/** Of the session's group, where the kernel groups sessions: there nice values count only among its own. */
const autogroupFile = "/proc/self/autogroup";

/**
 * Gives the thread that answers clients three times a workload's share of a processor, so that a workload
 * that takes all it can get does not keep them waiting. What the daemon starts does not inherit it
 * (sched(7), SCHED_RESET_ON_FORK; a shim has a session of its own). Another nice value than 0 is
 * somebody's decision, and stays.
 */
export function goFirst(log: Log): void {
  try {
    if (getPriority() !== 0) return;
    const parameters = Buffer.alloc(4);
    systemCall(
      "int sched_setscheduler(int, int, const void *)",
      0,
      schedOther | schedResetOnFork,
      parameters,
    );
    setPriority(niceValue);
    writeFileSync(autogroupFile, String(niceValue));
  } catch (error) {
    // A host that does not allow it: everything works, only later.
    if (errnoOf(error) !== "ENOENT") log.info("priority-unchanged", { error });
  }
}
