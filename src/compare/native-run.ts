import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { errnoOf } from "../kit/errors.ts";
import { minimalEnvironment, programPath } from "../kit/subprocess.ts";
import type { Samples } from "./samples.ts";

/** The program of this name on the host: an absolute path as it is, a plain name from the usual folders. */
export async function findProgram(name: string): Promise<string | null> {
  const candidates = isAbsolute(name)
    ? [name]
    : name.includes("/")
      ? []
      : programPath.split(":").map((folder) => join(folder, name));
  for (const candidate of candidates) {
    const runs = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return candidate;
  }
  return null;
}

export interface NativeOutcome {
  readonly firstOutput: number | null;
  /** null when it was killed: at the deadline, or as a service after its first output. */
  readonly total: number | null;
  readonly output: string;
}

const maximumOutput = 4 << 20;

/** Runs a host program from an argv array and times it, in milliseconds. */
export async function runNative(
  argv: readonly string[],
  options: { readonly service: boolean; readonly deadline: number },
  signal: AbortSignal,
): Promise<NativeOutcome> {
  const began = performance.now();
  const [program = "", ...rest] = argv;
  const child = spawn(program, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: minimalEnvironment(),
    cwd: "/",
    detached: true,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once("error", reject);
  child.once("close", () => resolve());
  const limit = AbortSignal.any([signal, AbortSignal.timeout(options.deadline)]);
  let killed = false;
  const kill = (): void => {
    killed = true;
    if (child.pid !== undefined) killGroup(child.pid);
  };
  limit.addEventListener("abort", kill, { once: true });
  let firstOutput: number | null = null;
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer): void => {
    firstOutput ??= performance.now() - began;
    size += chunk.length;
    if (size <= maximumOutput) chunks.push(chunk);
    if (options.service) kill();
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  try {
    await promise;
  } finally {
    limit.removeEventListener("abort", kill);
  }
  signal.throwIfAborted();
  return {
    firstOutput,
    total: killed ? null : performance.now() - began,
    output: Buffer.concat(chunks).toString("utf8"),
  };
}

/** The program and what it started; that they are gone already is fine. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

/** Adds a native run's times; there is nothing to create or remove. */
export function addNativeTimes(samples: Samples, outcome: NativeOutcome): void {
  if (outcome.firstOutput !== null) samples.add("first-output", outcome.firstOutput);
  else samples.miss("first-output", "it printed nothing");
  if (outcome.total !== null) samples.add("total", outcome.total);
  else samples.miss("total", "it did not end by itself");
}
