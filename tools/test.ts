import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { canceled } from "../src/kit/abort.ts";
import { buildBundles } from "./build/bundles.ts";
import { buildNative } from "./build/native.ts";
import { projectRoot } from "./project.ts";
import { step } from "./progress.ts";
import { runTool } from "./run-tool.ts";
import { listFiles } from "./source/files.ts";
import { discoverTests } from "./testing/discover.ts";
import { leftSince, takeTraces } from "./testing/leaks.ts";
import { runFiles } from "./testing/run-files.ts";
import { emptyTally, fail, summaryLine, type Tally } from "./testing/tally.ts";

/**
 * `npm test [-- TEXT...]`: set-up, the gate, native parts, every test file whose path contains one of
 * the texts, and a look at what all of that left on the host. The last line is `N passed, N failed`.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Also `*.slow.test.ts`. */
    slow: { type: "boolean", default: false },
    /** Tests alone: no set-up, no gate, no build. */
    only: { type: "boolean", default: false },
    concurrency: { type: "string", default: "2" },
  },
});

const controller = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => controller.abort(canceled(`got ${name}`)));
}
const signal = controller.signal;

const tally = emptyTally();
if (!values.only) await prepare(tally);
await runAll(tally);
report(tally);
process.exitCode = tally.failed === 0 ? 0 : 1;

async function prepare(total: Tally): Promise<void> {
  await tool(total, "set-up", "tools/setup.ts", ["--for", "test"]);
  await tool(total, "check", "tools/check.ts", []);
  await counted(total, "native parts", () => buildNative(projectRoot, signal));
  await counted(total, "bundles", () => buildBundles(projectRoot, signal));
}

/** Another tool counts as one test. */
async function tool(
  total: Tally,
  name: string,
  script: string,
  args: readonly string[],
): Promise<void> {
  if ((await runTool(script, args, signal)) === 0) total.passed += 1;
  else fail(total, script, name, "see above");
}

async function counted(total: Tally, name: string, work: () => Promise<string>): Promise<void> {
  try {
    await step(name, work);
    total.passed += 1;
  } catch (error) {
    fail(total, "", name, error instanceof Error ? error.message : String(error));
  }
}

async function runAll(total: Tally): Promise<void> {
  const files = discoverTests(await listFiles(projectRoot), {
    slow: values.slow,
    wanted: positionals,
  });
  const before = await takeTraces(projectRoot, signal);
  const folder = await mkdtemp("/tmp/dt-");
  await chmod(folder, 0o755);
  process.env["TMPDIR"] = folder;
  const report = (line: string): void => console.log(line);
  const shared = { root: projectRoot, signal, report };
  const together = files.filter((file) => !file.alone);
  await runFiles(together, total, { ...shared, concurrency: Number(values.concurrency) });
  const alone = files.filter((file) => file.alone);
  await runFiles(alone, total, { ...shared, concurrency: 1 });
  await lookForLeaks(total, before, folder);
}

async function lookForLeaks(
  total: Tally,
  before: ReadonlySet<string>,
  folder: string,
): Promise<void> {
  const leaked = await leftSince(before, projectRoot, signal);
  const files = (await readdir(folder)).map((name) => `file ${folder}/${name}`);
  const found = [...leaked, ...files.filter((name) => !leaked.includes(name))];
  if (found.length > 0) fail(total, "", "nothing is left on the host", found.join("\n"));
  else total.passed += 1;
  if (files.length === 0) await rm(folder, { recursive: true });
}

function report(total: Tally): void {
  if (total.skipped.length > 0) {
    console.log(`\n${total.skipped.length} skipped:`);
    for (const line of total.skipped) console.log(`  ${line}`);
  }
  for (const failure of total.failures) {
    const detail = failure.detail.split("\n").map((line) => `    ${line}`);
    console.log(`\n✗ ${failure.file} › ${failure.name}\n${detail.join("\n")}`);
  }
  console.log(`\n${summaryLine(total)}`);
}
