/** What became of the tests so far. */
export interface Tally {
  passed: number;
  failed: number;
  readonly skipped: string[];
  readonly failures: Failure[];
}

export interface Failure {
  readonly file: string;
  readonly name: string;
  readonly detail: string;
}

export function emptyTally(): Tally {
  return { passed: 0, failed: 0, skipped: [], failures: [] };
}

/** The fields of node:test's `test:pass` and `test:fail` events that count. */
export interface TestEvent {
  readonly name: string;
  readonly file?: string | undefined;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details: { readonly type?: string | undefined; readonly error?: Error | undefined };
}

/** Counts one finished test. Suites count only when they fail by themselves, as in a broken hook. */
export function countTest(tally: Tally, outcome: "pass" | "fail", event: TestEvent): void {
  if (outcome === "fail") {
    if (failedOnlyBelow(event.details.error)) return;
    fail(tally, event.file ?? "", event.name, describe(event.details.error));
    return;
  }
  if (event.details.type === "suite") return;
  if (event.skip !== undefined && event.skip !== false) skip(tally, event);
  else tally.passed += 1;
}

/** Adds one file's tally to the run's. */
export function addTally(total: Tally, one: Tally): void {
  total.passed += one.passed;
  total.failed += one.failed;
  total.skipped.push(...one.skipped);
  total.failures.push(...one.failures);
}

export function fail(tally: Tally, file: string, name: string, detail: string): void {
  tally.failed += 1;
  tally.failures.push({ file, name, detail });
}

function skip(tally: Tally, event: TestEvent): void {
  const reason = typeof event.skip === "string" ? event.skip.trim() : "";
  if (reason === "") fail(tally, event.file ?? "", event.name, "skipped without a reason");
  else tally.skipped.push(`${event.name}: ${reason}`);
}

/** A parent whose only trouble is a failed subtest is not counted a second time. */
function failedOnlyBelow(error: Error | undefined): boolean {
  return error !== undefined && "failureType" in error && error.failureType === "subtestsFailed";
}

function describe(error: Error | undefined): string {
  if (error === undefined) return "";
  const cause = error.cause instanceof Error ? error.cause : error;
  return cause.stack ?? cause.message;
}

/** The last line of every run, read by machines. */
export function summaryLine(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed`;
}
