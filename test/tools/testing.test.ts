import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { discoverTests } from "../../tools/testing/discover.ts";
import { leakedSince, takeTraces } from "../../tools/testing/leaks.ts";
import { runFiles } from "../../tools/testing/run-files.ts";
import { emptyTally, summaryLine, type Tally } from "../../tools/testing/tally.ts";

/** Runs one test file of this text, as `npm test` would. */
async function runText(text: string, timeout = 60_000): Promise<{ tally: Tally; said: string }> {
  const root = await mkdtemp(join(tmpdir(), "duet-runner-"));
  try {
    await mkdir(join(root, "test"));
    await writeFile(join(root, "test/a.test.ts"), text);
    const tally = emptyTally();
    const lines: string[] = [];
    // node:test refuses to run inside of node:test unless the child does not know of the parent.
    const context = process.env["NODE_TEST_CONTEXT"];
    delete process.env["NODE_TEST_CONTEXT"];
    await runFiles([{ path: "test/a.test.ts", alone: false, timeout }], tally, {
      root,
      concurrency: 1,
      signal: AbortSignal.timeout(300_000),
      report: (line) => lines.push(line),
    });
    if (context !== undefined) process.env["NODE_TEST_CONTEXT"] = context;
    return { tally, said: lines.join("\n") };
  } finally {
    await rm(root, { recursive: true });
  }
}

const head = 'import { test, describe } from "node:test"; import assert from "node:assert";';

test("tests pass, fail and are skipped one by one, suites and parents are not counted", async () => {
  const { tally } = await runText(`${head}
    describe("suite", () => {
      test("good", () => {});
      test("bad", () => { assert.equal(1, 2); });
    });
    test("parent", async (t) => { await t.test("child", () => { throw new Error("oh"); }); });
    test("later", { skip: "no KVM here" }, () => {});
  `);
  assert.equal(summaryLine(tally), "1 passed, 2 failed");
  assert.deepEqual(
    tally.failures.map((one) => one.name),
    ["bad", "child"],
  );
  assert.deepEqual(tally.skipped, ["later: no KVM here"]);
});

test("a skip without a reason fails", async () => {
  const { tally } = await runText(`${head} test("later", { skip: true }, () => {});`);
  assert.equal(summaryLine(tally), "0 passed, 1 failed");
});

test("a file that cannot be loaded, or that runs no test, fails", async () => {
  const broken = await runText('import "./gone.ts";');
  assert.equal(summaryLine(broken.tally), "0 passed, 1 failed");
  const empty = await runText("export {};");
  assert.equal(summaryLine(empty.tally), "0 passed, 1 failed");
});

test("a file that hangs fails at its deadline", async () => {
  const text = `${head} test("never", async () => { await new Promise((r) => setInterval(r, 1e9)); });`;
  const { tally } = await runText(text, 1_000);
  assert.equal(tally.passed, 0);
  assert.ok(tally.failed >= 1);
});

test("quick files come first, slow ones only when asked, and a text chooses", () => {
  const paths = [
    "test/e2e/run.test.ts",
    "test/kit/a.test.ts",
    "test/kit/b.slow.test.ts",
    "src/a.ts",
  ];
  const names = (slow: boolean, wanted: string[]): string[] =>
    discoverTests(paths, { slow, wanted }).map((file) => file.path);
  assert.deepEqual(names(false, []), ["test/kit/a.test.ts", "test/e2e/run.test.ts"]);
  assert.equal(names(true, []).length, 3);
  assert.deepEqual(names(false, ["e2e"]), ["test/e2e/run.test.ts"]);
  assert.equal(
    discoverTests(["test/a.alone.test.ts"], { slow: false, wanted: [] })[0]?.alone,
    true,
  );
});

test("a file left in the temporary folder is a leak, and what was there before is none", async () => {
  const signal = AbortSignal.timeout(120_000);
  const before = await takeTraces("/nowhere", signal);
  const folder = await mkdtemp("/tmp/duet-leak-");
  try {
    const leaked = leakedSince(before, await takeTraces("/nowhere", signal));
    assert.ok(leaked.includes(`file ${folder}`));
  } finally {
    await rm(folder, { recursive: true });
  }
});
