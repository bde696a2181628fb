import type { Digest } from "../../domain/digest.ts";
import { availableParallelism } from "node:os";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import { Turns } from "../../kit/turns.ts";
import { isDuetError } from "../../kit/errors.ts";
import { race } from "../../kit/abort.ts";
import { chainIds } from "../../domain/manifest.ts";
import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { LayerStack } from "./layer-stack.ts";

/** A stretch of a step's output. */
export interface StepOutput {
  readonly stream: "stdout" | "stderr";
  readonly at: number;
  readonly data: Uint8Array;
}

interface RunningStep {
  readonly result: Promise<BuildCacheEntry>;
  readonly output: StepOutput[];
  readonly listeners: Set<(output: StepOutput) => void>;
}

/** Output kept for builds that come to a step that runs already. */
const keptChunks = 1_000;
const keptBytes = 1 << 20;

const mostSteps = Math.max(32, 4 * availableParallelism());

/** What builds that run now hold and share. Nothing of it outlives the daemon. */
export class BuildWork {
  /** Steps that do something at a time; many wait for the network or a disk, so that they are far more than processors. */
  readonly turns = new Turns(mostSteps);
  /** Those of them in a machine of their own, which takes memory. */
  readonly machineTurns = new Turns(Math.max(8, 4 * availableParallelism()));
  /** Held by name while a cache mount is in use by one that wants it alone. */
  readonly cacheMounts = new KeyedLock();
  /** Caches of `sharing=private` in use. */
  readonly privateMounts = new Set<Digest>();
  /** Bytes that steps' writable roots hold as far as they were measured, by name; only where the daemon has a limit. */
  readonly written = new Map<string, number>();
  private readonly stacks = new Map<symbol, LayerStack>();
  private readonly users = new Map<Digest, number>();
  private replaced = false;
  private readonly running = new Map<Digest, RunningStep>();

  /** Turns of one build, as many as all builds have together. */
  asking(): Turns {
    return new Turns(mostSteps);
  }

  /** Keeps layers from being collected until the result is disposed. */
  hold(stack: LayerStack): Disposable {
    const key = Symbol();
    this.stacks.set(key, stack);
    return { [Symbol.dispose]: () => void this.stacks.delete(key) };
  }

  /** Keeps an entry of the cache from being pruned until the result is disposed. */
  use(entry: Digest): Disposable {
    this.users.set(entry, (this.users.get(entry) ?? 0) + 1);
    return {
      [Symbol.dispose]: () => {
        const left = (this.users.get(entry) ?? 0) - 1;
        if (left > 0) this.users.set(entry, left);
        else this.users.delete(entry);
      },
    };
  }

  /** An entry took the place of another, whose layer may be nobody's now. */
  noteReplaced(): void {
    this.replaced = true;
  }

  /** Whether one was replaced since this was asked last. */
  takeReplaced(): boolean {
    const { replaced } = this;
    this.replaced = false;
    return replaced;
  }

  isUsed(entry: Digest): boolean {
    return this.users.has(entry);
  }

  /** Blobs and chains that running builds hold. */
  *held(): Generator<{ readonly blob: Digest; readonly chain: Digest }> {
    for (const stack of this.stacks.values()) yield* rootsOf(stack);
  }

  /**
   * Runs a step once for all builds that come to it meanwhile. Each hears its output from the beginning.
   * Where the one that began it is canceled, another takes it over.
   */
  async once(
    key: Digest,
    hear: (output: StepOutput) => void,
    signal: AbortSignal,
    work: (tell: (output: StepOutput) => void) => Promise<BuildCacheEntry>,
  ): Promise<BuildCacheEntry> {
    for (;;) {
      signal.throwIfAborted();
      const other = this.running.get(key);
      if (other === undefined) return await this.begin(key, hear, work);
      for (const output of other.output) hear(output);
      other.listeners.add(hear);
      try {
        return await race(other.result, signal);
      } catch (error) {
        if (signal.aborted || !isDuetError(error, "canceled")) throw error;
      } finally {
        other.listeners.delete(hear);
      }
    }
  }

  private async begin(
    key: Digest,
    hear: (output: StepOutput) => void,
    work: (tell: (output: StepOutput) => void) => Promise<BuildCacheEntry>,
  ): Promise<BuildCacheEntry> {
    const output: StepOutput[] = [];
    const listeners = new Set([hear]);
    let kept = 0;
    const result = work((chunk) => {
      output.push(chunk);
      kept += chunk.data.length;
      while (output.length > keptChunks || kept > keptBytes) kept -= output.shift()!.data.length;
      for (const listener of listeners) listener(chunk);
    });
    this.running.set(key, { result, output, listeners });
    try {
      return await result;
    } finally {
      this.running.delete(key);
    }
  }
}

/** What must not be collected as long as the layers are wanted. */
export function* rootsOf(
  stack: LayerStack,
): Generator<{ readonly blob: Digest; readonly chain: Digest }> {
  for (const [index, chain] of chainIds(stack.diffIds).entries()) {
    yield { blob: stack.layers[index]!.digest, chain };
  }
}
