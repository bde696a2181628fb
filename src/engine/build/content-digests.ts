import { selectionName, type BuildFiles, type FileSelection } from "../../domain/build/files.ts";
import type { Digest } from "../../domain/digest.ts";

/**
 * Digests of what the steps of one build take of trees whose content is named: each is reckoned once, and ahead where what
 * is taken is there before the step is come to.
 */
export class ContentDigests {
  private readonly files: BuildFiles;
  private readonly begun = new Map<string, Promise<Digest>>();
  private readonly ahead = new Set<Promise<unknown>>();

  constructor(files: BuildFiles) {
    this.files = files;
  }

  /** Throws as `BuildFiles.digest` does. `signal` is the build's. */
  async of(selection: FileSelection, signal: AbortSignal): Promise<Digest> {
    const key = selectionName(selection);
    if (key === null) return await this.files.digest(selection, signal);
    const reckoning = this.begun.get(key) ?? this.files.digest(selection, signal);
    this.begun.set(key, reckoning);
    return await reckoning;
  }

  /** Begins what will be wanted as soon as its files are there. A failure is told to who asks for it in its turn. */
  begin(selection: Promise<FileSelection>, signal: AbortSignal): void {
    const beginning = selection
      .then((found) => this.of(found, signal))
      .catch(() => undefined)
      .finally(() => this.ahead.delete(beginning));
    this.ahead.add(beginning);
  }

  /** Resolves when nothing is under way any more; what was begun ends with the build's signal. */
  async end(): Promise<void> {
    await Promise.all(this.ahead);
  }
}
