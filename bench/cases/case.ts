import type { MeasuredEngine } from "../engines/engine.ts";
import type { DockerClient } from "../client.ts";
import type { CaseResult } from "../report.ts";

export interface Contender {
  readonly engine: MeasuredEngine;
  readonly client: DockerClient;
  readonly isDuet: boolean;
}

export interface CaseContext {
  readonly contenders: readonly Contender[];
  /** Name of the engine that ratios divide by. */
  readonly reference: string;
  readonly rounds: number;
  /** Folder for the case's files; removed afterwards. */
  readonly folder: string;
  /** Whether virtual machines can be measured. */
  readonly withVm: boolean;
  readonly signal: AbortSignal;
}

export interface BenchCase {
  readonly name: string;
  run(context: CaseContext): Promise<readonly CaseResult[]>;
}
