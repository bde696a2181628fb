import { listWithPs } from "../../domain/ps.ts";
import type { ProcessList } from "../../domain/runtime.ts";
import { race, withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { run } from "../../kit/subprocess.ts";

/** A guest tells these: it must not fill the daemon's memory. */
const mostBytes = 32 << 20;
const headSize = 6;
const listMilliseconds = 30_000;
/** Exit code of the helper where it could not run ps (native/rootfs/processes.h). */
const unshown = 125;

/**
 * A guest's processes by the host's ps, so that every option of it means what it does for a container. It runs in
 * namespaces of its own, as nobody, with the files that the agent read in place of /proc.
 */
export async function listProcesses(
  helper: string,
  files: AsyncIterable<Uint8Array>,
  psArguments: readonly string[],
  signal: AbortSignal,
): Promise<ProcessList> {
  const until = withDeadline(signal, listMilliseconds, "a guest that lists its processes");
  const input = await race(collect(files), until);
  return await listWithPs(pidsIn(input), psArguments, async (args) => {
    const result = await run(helper, ["--processes", ...args], { signal, input, okCodes: "any" });
    if (result.code !== unshown) return result;
    throw new DuetError(
      "internal",
      "PROCESSES_UNSHOWN",
      `ps did not run · ${result.stderr.trim()}`,
    );
  });
}

async function collect(files: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of files) {
    size += chunk.length;
    if (size > mostBytes) {
      throw new DuetError(
        "exhausted",
        "TOO_MANY_PROCESSES",
        "a guest has too many processes to list",
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The processes that the records tell of, each by its `NUMBER/stat`. */
function pidsIn(records: Buffer): readonly number[] {
  const pids: number[] = [];
  for (let at = 0; at + headSize <= records.length;) {
    const name = records.readUInt16LE(at);
    const size = records.readUInt32LE(at + 2);
    const path = records.toString("latin1", at + headSize, at + headSize + name);
    const pid = /^(\d{1,9})\/stat$/.exec(path)?.[1];
    if (pid !== undefined) pids.push(Number(pid));
    at += headSize + name + size;
  }
  return pids;
}
