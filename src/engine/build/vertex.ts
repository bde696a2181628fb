import { digestOf, type Digest } from "../../domain/digest.ts";
import type { PlanWarning } from "../../domain/build/plan.ts";
import { StepFailure } from "../../domain/build/step-failure.ts";
import { isDuetError, toDuetError } from "../../kit/errors.ts";
import type { BuildClient } from "./build.ts";

/** Failures that a vertex has told: another that needs what failed does not tell them again. */
const told = new WeakSet<object>();

/** BuildKit's word for it. */
const brokenOff = "context canceled";

/** One line of a build's progress: told when it begins and when it ends. */
export class Vertex {
  readonly digest: Digest;
  private readonly client: BuildClient;
  private readonly name: string;
  private readonly inputs: readonly Digest[];
  private startedAt: number | null = null;

  /** `identity` tells vertices of one name apart. */
  constructor(client: BuildClient, name: string, identity: string, inputs: readonly Digest[] = []) {
    this.digest = digestOf(`${identity}\0${name}`);
    this.client = client;
    this.name = name;
    this.inputs = inputs;
  }

  /** Runs `work` as this vertex; `work` says whether its result was there already. */
  async run<T>(work: () => Promise<{ readonly value: T; readonly cached: boolean }>): Promise<T> {
    this.startedAt = Date.now();
    this.tell(false, null, "");
    try {
      const { value, cached } = await work();
      this.tell(cached, Date.now(), "");
      return value;
    } catch (error) {
      this.tellFailure(error);
      throw error;
    }
  }

  /** Of what has to be known before the work begins; where that fails, and nobody told it, this vertex does. */
  async preparing<T>(work: () => Promise<T>): Promise<T> {
    const startedAt = Date.now();
    try {
      return await work();
    } catch (error) {
      const isTold = error instanceof StepFailure || (error instanceof Object && told.has(error));
      if (!isTold && !isDuetError(error, "canceled")) {
        this.startedAt = startedAt;
        this.tellFailure(error);
      }
      throw error;
    }
  }

  log(stream: "stdout" | "stderr", at: number, data: Uint8Array): void {
    this.client.tell({ kind: "log", vertex: this.digest, stream, at, data });
  }

  status(id: string, current: number, total: number, ended: boolean): void {
    const at = Date.now();
    const times = { startedAt: this.startedAt ?? at, completedAt: ended ? at : null };
    this.client.tell({ kind: "status", vertex: this.digest, id, current, total, ...times });
  }

  private tellFailure(error: unknown): void {
    if (error instanceof Object) told.add(error);
    // By these words clients know a step that was broken off from one that failed.
    const message = isDuetError(error, "canceled") ? brokenOff : toDuetError(error).message;
    this.tell(false, Date.now(), message);
  }

  private tell(cached: boolean, completedAt: number | null, error: string): void {
    const { digest, name, inputs, startedAt } = this;
    this.client.tell({
      ...{ kind: "vertex", vertex: digest, name, inputs },
      ...{ cached, startedAt, completedAt, error },
    });
  }
}

/** Warnings are of no step: who shows them puts them where the Dockerfile was read. */
const noVertex: Digest = `sha256:${"0".repeat(64)}`;

export function tellWarning(client: BuildClient, warning: PlanWarning): void {
  client.tell({
    kind: "warning",
    vertex: noVertex,
    level: 1,
    short: `${warning.rule}: ${warning.detail}`,
    detail: [warning.description],
    url: warning.url,
    ranges: warning.ranges,
  });
}
