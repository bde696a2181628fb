import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { LiveProgress } from "../../src/cli/build/live-progress.ts";
import { QuietProgress } from "../../src/cli/build/quiet-progress.ts";
import type { Terminal } from "../../src/cli/terminal/terminal.ts";
import type { BuildProgress } from "../../src/client/build/builds.ts";

const begin = { seconds: 1_000, nanos: 0 };
const end = { seconds: 1_002, nanos: 0 };
const nothing: BuildProgress = { vertexes: [], statuses: [], logs: [], warnings: [] };

function step(name: string, error: string | null): BuildProgress["vertexes"][number] {
  const completed = error === null ? undefined : end;
  const inputs: string[] = [];
  return {
    digest: name,
    inputs,
    name,
    cached: false,
    started: begin,
    completed,
    error: error ?? "",
  };
}

/** A step that prints `count` lines and fails, and one that makes an image. */
function failing(count: number): readonly BuildProgress[] {
  const lines = Array.from({ length: count }, (_, index) => `line ${index}\n`).join("");
  return [
    { ...nothing, vertexes: [step("RUN broken", null)] },
    {
      ...nothing,
      logs: [
        { vertex: "RUN broken", timestamp: begin, stream: 1, message: Buffer.from(lines) },
        { vertex: "RUN broken", timestamp: begin, stream: 1, message: Buffer.from("\u001b[2Jend") },
      ],
    },
    { ...nothing, vertexes: [step("RUN broken", "exit code: 3")] },
  ];
}

async function live(messages: readonly BuildProgress[]): Promise<string> {
  const errors = new PassThrough();
  const terminal = { color: false, columns: () => 60, rows: () => 24 } as unknown as Terminal;
  {
    using display = new LiveProgress(errors, terminal);
    for (const message of messages) display.show(message);
  }
  errors.end();
  const chunks: Buffer[] = [];
  for await (const chunk of errors) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

test("on a terminal what a failed step printed last stays, its escapes shown", async () => {
  const shown = await live(failing(100));
  assert.match(
    shown,
    /✗ RUN broken +2\.0s\n( {2}line \d+\n){39} {2}\\x1b\[2Jend\n {2}exit code: 3\n$/,
  );
  assert.match(shown, / {2}line 99\n/);
});

test("on a terminal the image's id and names stay", async () => {
  const status = (id: string): BuildProgress["statuses"][number] => ({
    ...{ id, vertex: "exporting", name: "", current: 0, total: 0 },
    ...{ timestamp: end, started: begin, completed: end },
  });
  const shown = await live([
    { ...nothing, vertexes: [step("exporting", null)] },
    {
      ...nothing,
      statuses: ["exporting layers", "writing image sha256:1", "naming to a"].map(status),
    },
    { ...nothing, vertexes: [step("exporting", "")] },
  ]);
  assert.match(shown, /✓ exporting +2\.0s\n {2}writing image sha256:1\n {2}naming to a\n$/);
});

test("a quiet build that fails says which step and what it printed", () => {
  const lines: string[] = [];
  {
    using display = new QuietProgress((line) => lines.push(line));
    for (const message of failing(2)) display.show(message);
  }
  assert.deepEqual(lines, ["RUN broken:", "  line 0", "  line 1", "  \\x1b[2Jend"]);
});
