import { listWithPs } from "../../domain/ps.ts";
import type { ProcessList } from "../../domain/runtime.ts";
import { run } from "../../kit/subprocess.ts";

const anyCode = Array.from({ length: 256 }, (_, code) => code);

/** What the host's ps says of these host pids, as `docker top`. Throws `invalid` PS_ARGUMENTS. */
export async function listProcesses(
  pids: readonly number[],
  psArguments: readonly string[],
  signal: AbortSignal,
): Promise<ProcessList> {
  return await listWithPs(pids, psArguments, (args) =>
    run("ps", args, { signal, okCodes: anyCode }),
  );
}
