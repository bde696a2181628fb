import { spawn, type ChildProcess } from "node:child_process";
import { DuetError } from "./errors.ts";

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Written to the child's stdin, which is then closed. Default: /dev/null. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Added to the minimal environment (PATH, LANG=C.UTF-8). */
  readonly env?: Readonly<Record<string, string>>;
  /** Bytes of stdout and of stderr kept; more is an error. Default 4 MiB. */
  readonly maxOutput?: number;
  /** Descriptors of ours that become the child's 3, 4, ... */
  readonly files?: readonly number[];
  /** Exit codes that are not an error. Default [0]. */
  readonly okCodes?: readonly number[] | "any";
}

export interface RunResult {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const defaultMaxOutput = 4 << 20;
/** The only folders in which Duet looks for the host's programs. */
export const programPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function minimalEnvironment(
  extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return { PATH: programPath, LANG: "C.UTF-8", HOME: "/root", ...extra };
}

/**
 * Runs a program from an argv array, never through a shell, in a process group of its own, and
 * collects what it prints. Throws DuetError `unavailable` SPAWN_FAILED when it cannot be started,
 * `internal` PROGRAM_FAILED (with the end of its stderr) on another exit code, or the signal's reason.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  options.signal.throwIfAborted();
  const child = spawn(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: minimalEnvironment(options.env),
    stdio: [
      options.input === undefined ? "ignore" : "pipe",
      "pipe",
      "pipe",
      ...(options.files ?? []),
    ],
    detached: true,
    shell: false,
  });
  const limit = options.maxOutput ?? defaultMaxOutput;
  const stdout = collect(child, "stdout", limit);
  const stderr = collect(child, "stderr", limit);
  if (options.input !== undefined) {
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input);
  }
  const code = await exitOf(child, program, options.signal);
  const result = { code, stdout: stdout.bytes(), stderr: stderr.bytes().toString("utf8") };
  if (stdout.overflown || stderr.overflown) {
    throw new DuetError("too-large", "OUTPUT_TOO_LARGE", `${program} printed over ${limit} bytes`);
  }
  const { okCodes = [0] } = options;
  if (okCodes !== "any" && !okCodes.includes(code)) throw programFailed(program, args, result);
  return result;
}

function programFailed(program: string, args: readonly string[], result: RunResult): DuetError {
  const detail = result.stderr.trim().slice(-2_000);
  const verb = args.find((word) => !word.startsWith("-"));
  const name = verb === undefined ? program : `${program} ${verb}`;
  return new DuetError(
    "internal",
    "PROGRAM_FAILED",
    `${name} failed with exit code ${result.code}: ${detail}`,
  );
}

function collect(child: ChildProcess, stream: "stdout" | "stderr", limit: number) {
  const chunks: Buffer[] = [];
  let size = 0;
  const state = { overflown: false, bytes: () => Buffer.concat(chunks) };
  child[stream]?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else if (!state.overflown) {
      state.overflown = true;
      killGroup(child);
    }
  });
  return state;
}

async function exitOf(child: ChildProcess, program: string, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const abort = (): void => killGroup(child);
  signal.addEventListener("abort", abort, { once: true });
  child.once("error", (cause) => {
    reject(
      new DuetError("unavailable", "SPAWN_FAILED", `cannot start ${program}: ${cause.message}`, {
        cause,
        hint: "run `duet doctor` to see what this host lacks",
      }),
    );
  });
  child.once("close", (code, signalName) => {
    if (signal.aborted) reject(signal.reason);
    else resolve(code ?? 128 + (signalName === "SIGKILL" ? 9 : 15));
  });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
}
