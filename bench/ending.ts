import { constants } from "node:os";
import { canceled } from "../src/kit/abort.ts";
import { systemCall } from "../src/kit/syscalls.ts";

const setParentDeathSignal = 1;

/**
 * Aborts at the first SIGINT or SIGTERM. npm passes no SIGTERM on but kills the shell between, so below
 * npm that shell's end counts, too (prctl(2), PR_SET_PDEATHSIG).
 */
export function endingSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    // The later ones must not cut the clean-up short.
    process.on(name, () => controller.abort(canceled(`got ${name}`)));
  }
  if (process.env["npm_lifecycle_event"] !== undefined) {
    systemCall("int prctl(int, unsigned long)", setParentDeathSignal, constants.signals.SIGTERM);
  }
  return controller.signal;
}
