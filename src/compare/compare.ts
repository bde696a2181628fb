import { cpus, release, totalmem } from "node:os";
import type { Duet } from "../client/duet.ts";
import type { Container } from "../client/container.ts";
import { isDuetError, toDuetError } from "../kit/errors.ts";
import { adviseOn } from "./advice.ts";
import { ways, type Comparison, type Way } from "./comparison.ts";
import { addNativeTimes, findProgram, runNative } from "./native-run.ts";
import {
  measureMemory,
  peerPort,
  probeNative,
  probeWorkload,
  startProbe,
  type ProbePlan,
} from "./probe-run.ts";
import { Samples } from "./samples.ts";
import { addTimes, runWorkload, type RunPlan } from "./workload-run.ts";

export interface CompareOptions {
  readonly image: string;
  /** Empty takes the image's own. */
  readonly command: readonly string[];
  /** Measured runs of the workload, each way. */
  readonly runs: number;
  /** Samples of each probe metric, each way. */
  readonly rounds: number;
  /** Milliseconds per probe sample. */
  readonly sample: number;
  /** Milliseconds after which a run counts as a service. */
  readonly patience: number;
  /** Told before each step: what it is, its number and how many there are. */
  progress(step: string, done: number, all: number): void;
}

/**
 * Measures one workload natively (where the host has the program), as a container and as a VM: a
 * warm-up each, then the ways in turn with changing first, then the probe inside each. All numbers
 * come from this call.
 */
export async function compareImage(
  duet: Duet,
  options: CompareOptions,
  signal: AbortSignal,
): Promise<Comparison> {
  const command = await commandOf(duet, options, signal);
  const host = await nativeCommand(command);
  const plan = new Measurement(duet, options, host.argv, signal);
  if (host.argv === null) plan.samples.native.miss("workload", host.reason);
  await plan.warmUp();
  await plan.runs();
  await plan.probes();
  const version = await duet.system.version(signal);
  const info = await duet.system.info(signal);
  const reports = ways.map((way) => plan.samples[way].report());
  return {
    image: options.image,
    command,
    runs: options.runs,
    rounds: options.rounds,
    service: plan.service,
    measuredAt: new Date().toISOString(),
    host: {
      kernel: release(),
      processor: cpus()[0]?.model ?? "",
      processors: cpus().length,
      memory: totalmem(),
    },
    daemon: { version: version.Version, runtimes: Object.keys(info.Runtimes ?? {}) },
    reports,
    advice: adviseOn(reports),
  };
}

/** What the workload runs: the words given, or the image's entrypoint and command. */
async function commandOf(
  duet: Duet,
  options: CompareOptions,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { Config } = await duet.images.inspect(options.image, signal);
  const words = options.command.length > 0 ? options.command : (Config.Cmd ?? []);
  return [...(Config.Entrypoint ?? []), ...words];
}

async function nativeCommand(
  command: readonly string[],
): Promise<{ argv: readonly string[] | null; reason: string }> {
  const [name, ...rest] = command;
  if (name === undefined) return { argv: null, reason: "the image names no command" };
  const program = await findProgram(name);
  if (program === null) return { argv: null, reason: `this host has no ${name}` };
  return { argv: [program, ...rest], reason: "" };
}

class Measurement {
  readonly samples: Readonly<Record<Way, Samples>> = {
    native: new Samples("native"),
    container: new Samples("container"),
    vm: new Samples("vm"),
  };
  service = false;
  private readonly duet: Duet;
  private readonly options: CompareOptions;
  private readonly native: readonly string[] | null;
  private readonly signal: AbortSignal;
  private readonly failed = new Set<Way>();
  private done = 0;

  constructor(
    duet: Duet,
    options: CompareOptions,
    native: readonly string[] | null,
    signal: AbortSignal,
  ) {
    this.duet = duet;
    this.options = options;
    this.native = native;
    this.signal = signal;
  }

  /** Not counted: fills caches and tells whether the workload ends by itself. */
  async warmUp(): Promise<void> {
    await this.attempt("container", "warm-up as container", async () => {
      const times = await runWorkload(this.duet, this.planOf("container"), this.signal);
      this.service = times.total === null;
    });
    await this.attempt("vm", "warm-up as VM", async () => {
      await runWorkload(this.duet, this.planOf("vm"), this.signal);
    });
    if (this.native !== null)
      await this.attempt("native", "warm-up natively", () => this.runNative(false));
  }

  /** The ways in turn; each round begins with another one, so that drift hits all alike. */
  async runs(): Promise<void> {
    for (let round = 0; round < this.options.runs; round += 1) {
      for (let place = 0; place < ways.length; place += 1) {
        const way = ways[(round + place) % ways.length]!;
        if (way === "native" && this.native === null) continue;
        await this.attempt(way, `run ${round + 1} of ${this.options.runs}, ${way}`, () =>
          this.runOnce(way),
        );
      }
    }
  }

  /** Everything that is measured from inside, and memory. */
  async probes(): Promise<void> {
    const { image, sample } = this.options;
    const peer = await this.startPeer();
    try {
      const address =
        peer === null ? null : ([await peer.address(undefined, this.signal), peerPort] as const);
      const plan: ProbePlan = { image, sample, peer: address?.[0] ? address : null };
      if (plan.peer === null) this.missNetwork();
      for (let round = 0; round < this.options.rounds; round += 1) {
        for (let place = 0; place < ways.length; place += 1) {
          const way = ways[(round + place) % ways.length]!;
          const step = `probe ${round + 1} of ${this.options.rounds}, ${way}`;
          await this.attempt(way, step, () => this.probeOnce(way, plan));
        }
      }
      for (const way of ["container", "vm"] as const) {
        await this.attempt(way, `memory, ${way}`, () =>
          measureMemory(this.duet, image, way, this.samples[way], this.signal),
        );
      }
    } finally {
      await peer?.remove();
    }
  }

  private async probeOnce(way: Way, plan: ProbePlan): Promise<void> {
    if (way === "native") return await probeNative(plan, this.samples.native, this.signal);
    await probeWorkload(this.duet, way, plan, this.samples[way], this.signal);
  }

  private async runOnce(way: Way): Promise<void> {
    if (way === "native") return await this.runNative(true);
    addTimes(this.samples[way], await runWorkload(this.duet, this.planOf(way), this.signal));
  }

  private async runNative(counted: boolean): Promise<void> {
    const options = { service: this.service, deadline: this.options.patience };
    const outcome = await runNative(this.native!, options, this.signal);
    if (counted) addNativeTimes(this.samples.native, outcome);
  }

  private planOf(isolation: "container" | "vm"): RunPlan {
    const { image, command, patience } = this.options;
    return { image, command, isolation, service: this.service, deadline: patience };
  }

  /** The other end for the network metrics: always a container, so that only one side differs. */
  private async startPeer(): Promise<Container | null> {
    this.step("the network's other end");
    try {
      const peer = await startProbe(
        this.duet,
        this.options.image,
        "container",
        ["serve", peerPort],
        this.signal,
      );
      for await (const { bytes } of peer.logs({ follow: true }, this.signal))
        if (bytes.length > 0) break;
      return peer;
    } catch (error) {
      this.signal.throwIfAborted();
      for (const way of ways) this.samples[way].miss("network", toDuetError(error).message);
      return null;
    }
  }

  private missNetwork(): void {
    for (const way of ways) this.samples[way].miss("network", "the other end has no address");
  }

  /** A way that fails once is left out from then on, with its reason; others go on. */
  private async attempt(way: Way, step: string, work: () => Promise<void>): Promise<void> {
    this.step(step);
    if (this.failed.has(way)) return;
    try {
      await work();
    } catch (error) {
      this.signal.throwIfAborted();
      if (isDuetError(error, "canceled")) throw error;
      this.samples[way].miss(step, toDuetError(error).message);
      if (way !== "native") this.failed.add(way);
    }
  }

  private step(name: string): void {
    const native = this.native === null ? 0 : 1;
    const all = 2 + native + this.options.runs * (2 + native) + this.options.rounds * 3 + 3;
    this.options.progress(name, this.done, all);
    this.done += 1;
  }
}
