import type { ContainerRecord } from "../../domain/container.ts";
import type { HealthResult } from "../../domain/health.ts";
import type { AttachedStreams } from "../../domain/process.ts";
import type { WorkloadProcess } from "../../domain/runtime.ts";
import { canceled, never, race, withDeadline } from "../../kit/abort.ts";
import { DuetError, toDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { ExecSpec } from "../engine.ts";
import { createExec, runExec } from "../containers/exec.ts";
import type { HealthPlan } from "./plan.ts";

/** Starting a check does not count towards its own time. */
const startMilliseconds = 30_000;
const killMilliseconds = 10_000;
const outputMilliseconds = 2_000;
const longestOutput = 4_096;
const sigkill = 9;

/** Runs one check. Aborting `signal` kills it, and then throws the signal's reason. */
export async function probe(
  context: EngineContext,
  record: ContainerRecord,
  plan: HealthPlan,
  signal: AbortSignal,
): Promise<HealthResult> {
  const start = Date.now();
  const failed = (output: string): HealthResult => ({
    start,
    end: Date.now(),
    exitCode: -1,
    output,
  });
  const exec = createExec(context, record, execSpec(plan.argv));
  try {
    const soon = withDeadline(signal, startMilliseconds, "starting the health check");
    const process = await runExec(context, exec, detached, soon);
    const output = new LimitedText();
    const read = collect(process.streams, output);
    const code = await exitWithin(process, plan.timeout, signal);
    if (code === undefined) {
      const text = `Health check exceeded timeout (${goDuration(plan.timeout)})`;
      return failed(output.text === "" ? text : `${text}: ${output.text}`);
    }
    await settled(read);
    process.streams.detach();
    return { start, end: Date.now(), exitCode: code, output: output.text };
  } catch (error) {
    signal.throwIfAborted();
    return failed(toDuetError(error).message);
  } finally {
    context.execs.forget(exec);
  }
}

function execSpec(argv: readonly string[]): ExecSpec {
  return {
    argv,
    env: [],
    workingDirectory: "",
    user: "",
    privileged: false,
    terminal: false,
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    detachKeys: "",
    terminalSize: { rows: 0, columns: 0 },
  };
}

/** What a check leaves running may hold its output open: what has come in two seconds is what it said. */
async function settled(read: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, outputMilliseconds);
  await Promise.race([read, late]);
  clearTimeout(timer);
}

const detached = { detach: true, terminal: false, terminalSize: { rows: 0, columns: 0 } } as const;

/** The exit code, or undefined where the check had to be killed after `milliseconds`. */
async function exitWithin(
  process: WorkloadProcess,
  milliseconds: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const exited = process.wait(never);
  try {
    const until = withDeadline(signal, milliseconds, "the health check");
    return (await race(exited, until)).code;
  } catch (error) {
    const isLate = error instanceof DuetError && error.class === "timeout";
    if (!isLate && !signal.aborted) throw error;
    // The next check must not pile up on this one.
    const soon = withDeadline(never, killMilliseconds, "killing the health check");
    await process.signal(sigkill, soon).catch(() => undefined);
    await race(exited, soon).catch(() => undefined);
    process.streams.detach();
    if (signal.aborted) throw canceled("the container's checks were stopped");
    return undefined;
  }
}

/** The first 4096 bytes, as Docker keeps them. */
class LimitedText {
  private readonly pieces: Uint8Array[] = [];
  private size = 0;
  private isCut = false;

  add(data: Uint8Array): void {
    const room = longestOutput - this.size;
    this.isCut ||= data.length > room;
    if (room <= 0) return;
    this.pieces.push(data.subarray(0, room));
    this.size += Math.min(room, data.length);
  }

  get text(): string {
    return `${Buffer.concat(this.pieces).toString("utf8")}${this.isCut ? "..." : ""}`;
  }
}

async function collect(streams: AttachedStreams, output: LimitedText): Promise<void> {
  try {
    for await (const chunk of streams.output) output.add(chunk.data);
  } catch {
    // The container's end cuts its checks off.
  }
}

/** As Go prints a time.Duration that is shorter than an hour or a whole number of them. */
function goDuration(milliseconds: number): string {
  if (milliseconds < 1_000) return `${milliseconds}ms`;
  const minutes = Math.floor(milliseconds / 60_000);
  const seconds = `${(milliseconds % 60_000) / 1_000}s`;
  if (minutes < 60) return minutes === 0 ? seconds : `${minutes}m${seconds}`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}
