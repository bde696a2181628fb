import type { Duet } from "../client/duet.ts";
import type { Container } from "../client/container.ts";
import { withDeadline } from "../kit/abort.ts";
import { isDuetError } from "../kit/errors.ts";
import type { Samples } from "./samples.ts";

export interface RunPlan {
  readonly image: string;
  readonly command: readonly string[];
  readonly isolation: "container" | "vm";
  /** Stop it after its first output: it does not end by itself. */
  readonly service: boolean;
  /** Milliseconds that a run may take. */
  readonly deadline: number;
}

/** What one run showed; times in milliseconds since the create call began. */
export interface RunTimes {
  readonly create: number;
  readonly start: number;
  readonly firstOutput: number | null;
  readonly total: number | null;
  readonly teardown: number;
}

/** One run through the API as `duet run` makes it: create, attach and wait, start, read, remove. */
export async function runWorkload(
  duet: Duet,
  plan: RunPlan,
  signal: AbortSignal,
): Promise<RunTimes> {
  const began = performance.now();
  // Not cut short: a create whose answer is lost would leave a container behind.
  const container = await duet.containers.create({
    image: plan.image,
    isolation: plan.isolation,
    ...(plan.command.length > 0 ? { command: plan.command } : {}),
  });
  const create = performance.now() - began;
  let removed = false;
  try {
    const middle = await startAndWatch(duet, container, plan, began, signal);
    const teardownBegan = performance.now();
    await container.remove(signal);
    removed = true;
    return { create, ...middle, teardown: performance.now() - teardownBegan };
  } finally {
    if (!removed) await container.remove().catch(() => undefined);
  }
}

async function startAndWatch(
  duet: Duet,
  container: Container,
  plan: RunPlan,
  began: number,
  signal: AbortSignal,
): Promise<Pick<RunTimes, "start" | "firstOutput" | "total">> {
  const [attachment, waiting] = await Promise.all([
    duet.containers.attach(container.id, { stdout: true, stderr: true, stream: true }, signal),
    duet.containers.wait(container.id, "next-exit", signal),
  ]);
  using _attachment = attachment;
  const startBegan = performance.now();
  await container.start(signal);
  const start = performance.now() - startBegan;
  let firstOutput: number | null = null;
  try {
    const deadline = withDeadline(signal, plan.deadline, "the run");
    const cut = (): void => void attachment.socket.destroy();
    deadline.addEventListener("abort", cut, { once: true });
    for await (const { bytes } of attachment.output(false)) {
      if (bytes.length === 0) continue;
      firstOutput ??= performance.now() - began;
      if (plan.service) return { start, firstOutput, total: null };
    }
    if (plan.service || deadline.aborted) return { start, firstOutput, total: null };
    await waiting.exit;
    return { start, firstOutput, total: performance.now() - began };
  } catch (error) {
    signal.throwIfAborted();
    if (isDuetError(error)) throw error;
    return { start, firstOutput, total: null };
  }
}

/** Adds a run's times to the samples. */
export function addTimes(samples: Samples, times: RunTimes): void {
  samples.add("create", times.create);
  samples.add("start", times.start);
  if (times.firstOutput !== null) samples.add("first-output", times.firstOutput);
  else samples.miss("first-output", "it printed nothing");
  if (times.total !== null) samples.add("total", times.total);
  else samples.miss("total", "it did not end by itself");
  samples.add("teardown", times.teardown);
}
