import { DuetError } from "../kit/errors.ts";
import type { ProcessList } from "./runtime.ts";

const maximumArguments = 32;
/** As many as one word of a command line holds (128 KiB). */
const mostChosen = 10_000;

/** What ps ended with; any exit code. */
export interface PsResult {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * What ps says of these processes, in the columns that `psArguments` ask for (`-ef` where empty), as `docker top`.
 * The last column keeps its spaces. Throws `invalid` PS_ARGUMENTS.
 */
export async function listWithPs(
  pids: readonly number[],
  psArguments: readonly string[],
  runPs: (args: readonly string[]) => Promise<PsResult>,
): Promise<ProcessList> {
  const args = psArguments.length === 0 ? ["-ef"] : psArguments;
  checkArguments(args);
  // Without a choice of its own ps leaves out who has a terminal; some options do not go with one.
  const mayChoose = pids.length > 0 && pids.length <= mostChosen;
  const chosen = mayChoose ? [...args, `-q${pids.join(",")}`] : args;
  const first = await runPs(chosen);
  const { code, stdout, stderr } = first.code === 0 ? first : await runPs(args);
  if (code !== 0) {
    const why = stderr.trim().split("\n", 1)[0] ?? "";
    throw new DuetError("invalid", "PS_ARGUMENTS", `ps: ${why}`, { http: 500 });
  }
  return parseProcesses(stdout.toString("utf8"), pids);
}
/** Renaming the PID column would hide it from the filter. */
function checkArguments(args: readonly string[]): void {
  const odd =
    args.length > maximumArguments || args.some((word) => word.length > 256 || word.includes("\0"));
  if (!odd && !/(?:^|[\s,])pid=|=\s*PID/i.test(args.join(" "))) return;
  throw new DuetError("invalid", "PS_ARGUMENTS", "these arguments of ps cannot be used here", {
    hint: "ask for columns by their names, without titles of your own",
  });
}

export function parseProcesses(output: string, pids: readonly number[]): ProcessList {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const titles = columns(lines[0] ?? "", Number.POSITIVE_INFINITY);
  const index = titles.indexOf("PID");
  if (index < 0) {
    throw new DuetError("invalid", "PS_ARGUMENTS", "Couldn't find PID field in ps output", {
      http: 500,
    });
  }
  const wanted = new Set(pids);
  const rows = lines.slice(1).map((line) => columns(line, titles.length));
  return { titles, rows: rows.filter((row) => wanted.has(Number(row[index]))) };
}

/** Words; from the `limit`-th on the rest of the line is one. */
function columns(line: string, limit: number): readonly string[] {
  const words = line.trim().split(/\s+/);
  if (words.length <= limit) return words;
  return [...words.slice(0, limit - 1), words.slice(limit - 1).join(" ")];
}
