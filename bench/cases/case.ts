import type { EngineClient } from "../client.ts";
import type { MeasuredEngine } from "../engines/engine.ts";
import type { CaseResult } from "../report.ts";

/** One way to run a workload: an engine, its client, and the flags that choose the isolation. */
export interface Contender {
  /** Such as `duet --isolation=vm`. */
  readonly name: string;
  readonly engine: MeasuredEngine;
  readonly client: EngineClient;
  /** Flags of `run` and `create`. */
  readonly flags: readonly string[];
  readonly isVm: boolean;
}

export interface CaseContext {
  readonly engines: readonly MeasuredEngine[];
  /** Every way to run a workload, for all engines, containers before VMs. */
  readonly contenders: readonly Contender[];
  /** Name of the engine that ratios divide by. */
  readonly reference: string;
  readonly rounds: number;
  /** Folder for the case's files; removed afterwards. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

export interface BenchCase {
  readonly name: string;
  /** Whether engines that only build and move images take part. */
  readonly needsNoContainers?: true;
  run(context: CaseContext): Promise<readonly CaseResult[]>;
}
