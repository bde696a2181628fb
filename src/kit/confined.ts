import { run, type RunResult } from "./subprocess.ts";

/** No account has it; what a confined program is to open is given to it while it runs. */
export const confinedUser = 0x63ffffff;

/** Bytes of memory, seconds of processor time, open files. */
const limits = ["--as=4294967296", "--cpu=3600", "--core=0", "--nofile=64"];

/**
 * Runs a program of the host's on data that may be hostile: without a network, as a user without privileges
 * to which nothing belongs, with limits. What it works on are the descriptors `files`, its 3, 4, ..., which
 * it may open anew as /dev/fd/3 where their files belong to `confinedUser`. Throws as `run`.
 */
export async function runConfined(
  argv: readonly string[],
  options: {
    readonly files: readonly number[];
    /** Bytes that a file which it writes may have at most. */
    readonly largestFile: number;
    readonly signal: AbortSignal;
  },
): Promise<RunResult> {
  const words = [
    ...[...limits, `--fsize=${options.largestFile}`, "--"],
    ...["unshare", "--net", "--ipc", "--"],
    ...["setpriv", `--reuid=${confinedUser}`, `--regid=${confinedUser}`, "--clear-groups"],
    ...["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"],
    ...argv,
  ];
  const { signal, files } = options;
  return await run("prlimit", words, { signal, files });
}
