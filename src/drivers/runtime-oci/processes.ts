import { listWithPs } from "../../domain/ps.ts";
import type { ProcessList } from "../../domain/runtime.ts";
import { run } from "../../kit/subprocess.ts";

/** What the host's ps says of these host pids, as `docker top`. Throws `invalid` PS_ARGUMENTS. */
export async function listProcesses(
  pids: readonly number[],
  psArguments: readonly string[],
  signal: AbortSignal,
): Promise<ProcessList> {
  return await listWithPs(pids, psArguments, (args) => run("ps", args, { signal, okCodes: "any" }));
}
