/** One test of the guest. */
export interface GuestTest {
  /** Name of its suite. */
  readonly suite: string;
  readonly name: string;
  readonly passed: boolean;
  /** What was said about it, such as the error. */
  readonly detail: string;
}

/** The tests in what Node's TAP reporter printed, each with what follows it. */
export function parseReport(output: string): readonly GuestTest[] {
  const tests: GuestTest[] = [];
  let suite = "";
  let detail: string[] = [];
  for (const line of output.replaceAll("\r", "").split("\n")) {
    suite = /^# Subtest: (.*)$/.exec(line)?.[1] ?? suite;
    const match = /^ {4}(not )?ok \d+ - (.*?)(?: # (?:SKIP|TODO).*)?$/.exec(line);
    if (match !== null) {
      detail = [];
      const passed = match[1] === undefined;
      tests.push({ suite, name: match[2] ?? "", passed, detail: "" });
    } else if (tests.length > 0) {
      detail.push(line);
      const last = tests.pop()!;
      tests.push({ ...last, detail: last.passed ? "" : detail.join("\n") });
    }
  }
  return tests;
}
