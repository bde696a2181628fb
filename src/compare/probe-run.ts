import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Duet } from "../client/duet.ts";
import type { Container } from "../client/container.ts";
import { DuetError } from "../kit/errors.ts";
import { memoryOfTree } from "./memory.ts";
import { runNative } from "./native-run.ts";
import { readProbeOutput } from "./probe-output.ts";
import type { Samples } from "./samples.ts";

export interface ProbePlan {
  readonly image: string;
  /** Milliseconds per sample. */
  readonly sample: number;
  /** Address and port of `duet-probe serve`. */
  readonly peer: readonly [string, string] | null;
}

const insidePath = "/.duet-probe";
export const peerPort = "7007";
/** Nothing that the probe does takes longer, at the slowest emulation seen, times ten. */
const slowest = 300_000;

/** `build/native/duet-probe` of the tree or bundle that this file belongs to. */
export function probeProgram(): string {
  for (let folder = import.meta.dirname; folder !== "/"; folder = dirname(folder)) {
    const candidate = join(folder, "build", "native", "duet-probe");
    if (existsSync(candidate)) return candidate;
  }
  throw new DuetError(
    "unavailable",
    "PROBE_MISSING",
    "cannot measure · build/native/duet-probe is missing",
    {
      hint: "run `npm run build`",
    },
  );
}

/** A workload from `image` whose process is the probe, bind-mounted read-only. */
export async function startProbe(
  duet: Duet,
  image: string,
  isolation: "container" | "vm",
  argv: readonly string[],
  signal: AbortSignal,
): Promise<Container> {
  return await duet.containers.run(
    {
      image,
      isolation,
      entrypoint: [insidePath],
      command: argv,
      user: "0",
      volumes: [`${probeProgram()}:${insidePath}:ro`],
      labels: { "duet.compare": "probe" },
    },
    signal,
  );
}

/** One sample of each metric: runs the probe in a workload to its end and takes what it measured; also disk used. */
export async function probeWorkload(
  duet: Duet,
  isolation: "container" | "vm",
  plan: ProbePlan,
  samples: Samples,
  signal: AbortSignal,
): Promise<void> {
  const argv = ["all", "1", String(plan.sample), "/", ...(plan.peer ?? [])];
  await using container = await startProbe(duet, plan.image, isolation, argv, signal);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(slowest)]);
  let text = "";
  for await (const { stream, bytes } of container.logs({ follow: true }, limit)) {
    if (stream === "stdout" && text.length < 4 << 20) text += bytes.toString("utf8");
  }
  readProbeOutput(text, samples);
  const { SizeRw } = await duet.containers.inspect(container.id, true, signal);
  if (SizeRw === undefined) samples.miss("disk", "the daemon does not tell");
  else samples.add("disk", SizeRw / 2 ** 20);
}

/** The same probe as a process of the host. */
export async function probeNative(
  plan: ProbePlan,
  samples: Samples,
  signal: AbortSignal,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "duet-compare-"));
  try {
    const argv = ["all", "1", String(plan.sample), folder, ...(plan.peer ?? [])];
    const options = { service: false, deadline: slowest };
    const { output } = await runNative([probeProgram(), ...argv], options, signal);
    readProbeOutput(output, samples);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Memory of a workload that does nothing: what the isolation itself takes. */
export async function measureMemory(
  duet: Duet,
  image: string,
  isolation: "container" | "vm",
  samples: Samples,
  signal: AbortSignal,
): Promise<void> {
  await using container = await startProbe(duet, image, isolation, ["idle"], signal);
  for await (const { bytes } of container.logs({ follow: true }, signal))
    if (bytes.length > 0) break;
  const { State } = await container.inspect(signal);
  try {
    const memory = await memoryOfTree(State.Pid);
    samples.add("memory", memory.proportional);
    samples.add("private-memory", memory.private);
  } catch (error) {
    samples.miss("memory", error instanceof Error ? error.message : String(error));
  }
}
