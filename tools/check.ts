import { join } from "node:path";
import { never } from "../src/kit/abort.ts";
import { run } from "../src/kit/subprocess.ts";
import { projectRoot } from "./project.ts";

/** `npm run check`: the gate. All parts run side by side, and every one of them says all it found. */
const parts: readonly (readonly [name: string, script: string, args: readonly string[]])[] = [
  ["format", "node_modules/oxfmt/bin/oxfmt", ["--check", "--threads=1"]],
  ["lint", "node_modules/oxlint/bin/oxlint", []],
  ["types", "node_modules/typescript/bin/tsc", ["-p", "."]],
  ["imports", "tools/check-imports.ts", []],
  ["house", "tools/house-lint.ts", []],
  ["docker api", "tools/generate-docker-api.ts", ["--check"]],
];

async function runPart(name: string, script: string, args: readonly string[]): Promise<boolean> {
  const started = performance.now();
  const result = await run(process.execPath, [join(projectRoot, script), ...args], {
    cwd: projectRoot,
    signal: never,
    okCodes: "any",
    maxOutput: 32 << 20,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const good = result.code === 0;
  const said = good ? "" : `${result.stdout.toString("utf8")}${result.stderr}`.trimEnd();
  process.stdout.write(
    `${said}${said === "" ? "" : "\n"}${good ? "ok  " : "FAIL"} ${name} (${seconds} s)\n`,
  );
  return good;
}

const results = await Promise.all(parts.map((part) => runPart(...part)));
const failed = results.filter((good) => !good).length;
console.log(
  failed === 0
    ? "check: all good"
    : `check: ${failed} of ${parts.length} parts failed; npm run fix mends format and simple lint`,
);
process.exitCode = failed === 0 ? 0 : 1;
