import { DuetError } from "./errors.ts";

type Undo = (signal: AbortSignal) => void | Promise<void>;

/** Clean-up gets this long in all, whatever became of the caller's own deadline. */
const cleanUpMilliseconds = 15_000;

/**
 * A stack of undo steps. Register an undo on the line after the acquire; `commit()` disarms them,
 * otherwise disposing the scope (`await using`) runs them last-in first-out. Undo steps run even
 * when earlier ones fail; their failures are thrown together as `cause`.
 *
 *     await using scope = new Scope();
 *     const endpoint = await network.attach(...);
 *     scope.defer(() => network.detach(endpoint));
 *     ...
 *     scope.commit();
 */
export class Scope implements AsyncDisposable {
  private undos: Undo[] = [];

  defer(undo: Undo): void {
    this.undos.push(undo);
  }

  /** What was acquired stays: forget all undo steps. */
  commit(): void {
    this.undos = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const undos = this.undos.toReversed();
    this.undos = [];
    if (undos.length === 0) return;
    const signal = AbortSignal.timeout(cleanUpMilliseconds);
    const failures: unknown[] = [];
    for (const undo of undos) {
      try {
        await undo(signal);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) {
      throw new DuetError("internal", "CLEAN_UP_FAILED", "clean-up left something behind", {
        cause: new AggregateError(failures),
      });
    }
  }
}
