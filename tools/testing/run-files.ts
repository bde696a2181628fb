import { run as runTests } from "node:test";
import { join, relative } from "node:path";
import type { TestFile } from "./discover.ts";
import { addTally, countTest, emptyTally, fail, type Tally, type TestEvent } from "./tally.ts";

export interface RunFilesOptions {
  readonly root: string;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Called with a line to print as soon as a file is done. */
  readonly report: (line: string) => void;
}

/** Runs test files, each in a process of its own, `concurrency` at a time, and counts into `tally`. */
export async function runFiles(
  files: readonly TestFile[],
  tally: Tally,
  options: RunFilesOptions,
): Promise<void> {
  const waiting = [...files];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      options.signal.throwIfAborted();
      await runFile(file, tally, options);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.concurrency, files.length) }, worker));
}

async function runFile(file: TestFile, total: Tally, options: RunFilesOptions): Promise<void> {
  const started = performance.now();
  const tally = emptyTally();
  const said = await countFile(file, tally, options);
  addTally(total, tally);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const counts = [
    `${tally.passed} passed`,
    ...(tally.failed > 0 ? [`${tally.failed} failed`] : []),
    ...(tally.skipped.length > 0 ? [`${tally.skipped.length} skipped`] : []),
  ];
  options.report(
    `${tally.failed === 0 ? "✓" : "✗"} ${file.path}: ${counts.join(", ")} (${seconds} s)`,
  );
  if (tally.failed > 0 && said !== "") options.report(indent(said.trimEnd()));
}

/** Runs one file, counts its tests, and gives what it printed. */
async function countFile(file: TestFile, tally: Tally, options: RunFilesOptions): Promise<string> {
  const stream = runTests({
    files: [join(options.root, file.path)],
    concurrency: 1,
    timeout: file.timeout,
    // The timeout fails a test; a file whose process does not end after that is ended by the signal.
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(file.timeout + 2_000)]),
  });
  let said = "";
  let counted = 0;
  const count = (outcome: "pass" | "fail", event: TestEvent): void => {
    if (outcome === "pass" && isFileItself(event.name, file, options.root)) return;
    counted += 1;
    countTest(tally, outcome, { ...event, file: file.path });
  };
  stream.on("test:pass", (event) => count("pass", event));
  stream.on("test:fail", (event) => count("fail", event));
  stream.on("test:stdout", (event) => (said += event.message));
  stream.on("test:stderr", (event) => (said += event.message));
  const finished = Promise.withResolvers<void>();
  stream.once("end", () => finished.resolve());
  stream.once("error", (error) => finished.reject(error));
  stream.resume();
  await finished.promise;
  if (counted === 0) fail(tally, file.path, "the file as a whole", `no test ran\n${said}`);
  return said;
}

/** A file that runs no test is reported as one passing test with the file's name. */
function isFileItself(name: string, file: TestFile, root: string): boolean {
  return relative(root, name) === file.path || name === file.path;
}

function indent(text: string): string {
  return text
    .split("\n")
    .slice(-60)
    .map((line) => `    ${line}`)
    .join("\n");
}
