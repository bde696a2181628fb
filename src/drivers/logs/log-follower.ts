import { watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";
import {
  identify,
  openLogFile,
  openLogFiles,
  type LogFile,
  type LogPosition,
} from "./log-files.ts";

/** A line that has just come fits the first; a log that is read whole takes the other. */
const smallestBlock = 8 << 10;
const largestBlock = 256 << 10;
/** A longer line is no line of a shim: what is buffered of it is dropped. */
const longestLine = 1 << 20;

/**
 * Reads lines from a position on, over rotated files, and then waits for more. Woken by inotify on
 * the folder; the open descriptor of a file that is rotated away is read to its end first.
 */
export class LogFollower implements AsyncDisposable {
  private readonly path: string;
  private readonly files: LogFile[];
  private offset: number;
  private rest = Buffer.alloc(0);
  private watcher: FSWatcher | undefined;
  private wake: () => void = () => undefined;
  private isDirty = true;
  private mayBeRotated = true;

  constructor(path: string, files: LogFile[], start: LogPosition) {
    this.path = path;
    this.files = files.slice(start.index);
    this.offset = start.offset;
    for (const skipped of files.slice(0, start.index)) void skipped.handle.close();
  }

  /** Ends when everything written before `ended` settled has been given. */
  async *lines(ended: Promise<void>, signal: AbortSignal): AsyncGenerator<readonly string[]> {
    let isOver = false;
    const finish = (): void => {
      isOver = true;
      this.notice();
    };
    ended.then(finish, finish);
    signal.addEventListener("abort", finish, { once: true });
    this.watcher = watch(dirname(this.path), (kind) => {
      // A rotation renames; what is only written to stays the newest.
      if (kind === "rename") this.mayBeRotated = true;
      this.notice();
    });
    this.watcher.on("error", finish);
    try {
      await Promise.resolve();
      for (;;) {
        const wasOver = isOver;
        this.isDirty = false;
        this.mayBeRotated ||= wasOver;
        yield* this.available(signal);
        signal.throwIfAborted();
        if (wasOver) return;
        if (!this.isDirty) await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      signal.removeEventListener("abort", finish);
    }
  }

  /** What was there when the files were opened, however fast more comes. */
  async *stored(signal: AbortSignal): AsyncGenerator<readonly string[]> {
    for (const file of this.files) {
      yield* this.readFile(file, signal, file.size);
      this.offset = 0;
    }
  }

  private notice(): void {
    this.isDirty = true;
    this.wake();
  }

  private async *available(signal: AbortSignal): AsyncGenerator<readonly string[]> {
    for (;;) {
      const current = this.files[0];
      if (current !== undefined) yield* this.readFile(current, signal);
      if (this.files.length <= 1 && !(await this.findNewer())) return;
      if (current === undefined) continue;
      // Bytes may have come between the end of the file and its rotation.
      yield* this.readFile(current, signal);
      this.files.shift();
      this.offset = 0;
      await current.handle.close();
    }
  }

  private async *readFile(
    file: LogFile,
    signal: AbortSignal,
    end = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<readonly string[]> {
    let block = Buffer.allocUnsafe(smallestBlock);
    for (;;) {
      signal.throwIfAborted();
      const wanted = Math.min(block.length, Math.max(0, end - this.offset));
      const { bytesRead } = await file.handle.read(block, 0, wanted, this.offset);
      if (bytesRead === 0) return;
      this.offset += bytesRead;
      const text = Buffer.concat([this.rest, block.subarray(0, bytesRead)]);
      const lastLine = text.lastIndexOf(0x0a);
      this.rest = Buffer.from(text.subarray(lastLine + 1));
      if (bytesRead === block.length) block = Buffer.allocUnsafe(largestBlock);
      if (this.rest.length > longestLine) this.rest = Buffer.alloc(0);
      if (lastLine < 0) continue;
      yield text.toString("utf8", 0, lastLine).split("\n");
    }
  }

  /** Appends files that came after the last known one; false where there are none. */
  private async findNewer(): Promise<boolean> {
    const last = this.files.at(-1);
    if (last !== undefined && !this.mayBeRotated) return false;
    this.mayBeRotated = false;
    const newest = await openLogFile(this.path);
    if (newest === undefined) return false;
    const newestIdentity = await identify(newest);
    await newest.handle.close();
    const identity = last === undefined ? "" : await identify(last);
    if (newestIdentity === identity) return false;
    const all = await openLogFiles(this.path);
    const identities = await Promise.all(all.map(identify));
    const known = identities.indexOf(identity);
    const newer = all.slice(known + 1);
    await Promise.all(all.slice(0, known + 1).map((file) => file.handle.close()));
    this.files.push(...newer);
    return newer.length > 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.watcher?.close();
    await Promise.all(this.files.map((file) => file.handle.close()));
  }
}
