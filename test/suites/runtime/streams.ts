import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Collected, deadline } from "./harness.ts";
import type { Bench } from "./suite.ts";

interface LogLine {
  readonly log: string;
  readonly stream: string;
  readonly time: string;
}

async function readLog(path: string): Promise<readonly LogLine[]> {
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as LogLine);
}

export function streamTests(bench: Bench): void {
  test("input goes in, and its end is the program's end of file", async () => {
    await using work = bench();
    const { workload, streams, output } = await work.run({
      argv: ["cat"],
      process: { stdin: true },
    });
    await streams.write(Buffer.from("first\n"));
    await output.until("first");
    await streams.write(Buffer.from("second"));
    await streams.closeInput();
    assert.equal((await workload.wait(deadline())).code, 0);
    await output.ended;
    assert.equal(output.stdout, "first\nsecond");
  });

  test("without input the program reads end of file at once", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["cat"] });
    assert.equal((await workload.wait(deadline())).code, 0);
  });

  test("input written before the start arrives", async () => {
    await using work = bench();
    const { workload } = await work.create({ argv: ["cat"], process: { stdin: true } });
    const streams = await workload.attach({ stdin: true }, deadline());
    const output = new Collected(streams);
    await streams.write(Buffer.from("early"));
    await streams.closeInput();
    await workload.start(deadline());
    await workload.wait(deadline());
    await output.ended;
    assert.equal(output.stdout, "early");
  });

  test("megabytes go through in both directions unharmed", async () => {
    await using work = bench();
    const size = 3 << 20;
    const data = Buffer.alloc(size, "0123456789abcdef\n");
    const { workload, streams, output } = await work.run({
      argv: ["cat"],
      process: { stdin: true },
    });
    await streams.write(data);
    await streams.closeInput();
    assert.equal((await workload.wait(deadline())).code, 0);
    await output.ended;
    assert.ok(Buffer.from(output.stdout).equals(data), "the bytes came back");
  });

  test("every attached client sees the output; one that leaves holds nobody up", async () => {
    await using work = bench();
    const { workload } = await work.create({
      argv: [
        "sh",
        "-c",
        "i=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567890123456789$i; i=$((i+1)); done",
      ],
    });
    const [kept, left] = await Promise.all([
      workload.attach({ stdin: false }, deadline()),
      workload.attach({ stdin: false }, deadline()),
    ]);
    const output = new Collected(kept);
    await workload.start(deadline());
    for await (const chunk of left.output) {
      assert.ok(chunk.data.length > 0);
      break;
    }
    left.detach();
    assert.equal((await workload.wait(deadline())).code, 0);
    await output.ended;
    assert.equal(output.stdout.split("\n").length, 4001);
  });

  test("a slow reader holds its program back and loses nothing", async () => {
    await using work = bench();
    const { workload } = await work.create({
      argv: ["sh", "-c", "dd if=/dev/zero bs=65536 count=24 2>/dev/null; echo done >&2"],
      spec: { log: { path: null, maximumSize: 0, maximumFiles: 1 } },
    });
    const streams = await workload.attach({ stdin: false }, deadline());
    await workload.start(deadline());
    await assert.rejects(
      workload.wait(AbortSignal.timeout(300)),
      "it cannot end before it is read",
    );
    let size = 0;
    for await (const chunk of streams.output)
      if (chunk.stream === "stdout") size += chunk.data.length;
    assert.equal(size, 24 * 65536);
    assert.equal((await workload.wait(deadline())).code, 0);
  });

  test("a terminal has its size, takes a new one, and is one stream", async () => {
    await using work = bench();
    const { workload, streams, output } = await work.run({
      argv: [
        "sh",
        "-c",
        "trap 'stty size; exit 4' WINCH; stty size; echo err >&2; while :; do sleep 0.1; done",
      ],
      process: { stdin: true, terminal: { rows: 31, columns: 97 } },
    });
    await output.until("31 97");
    await output.until("err");
    await workload.resize(40, 120, deadline());
    await output.until("40 120");
    assert.equal((await workload.wait(deadline())).code, 4);
    await output.ended;
    assert.equal(output.stderr, "");
    streams.detach();
  });

  test("control characters work on a terminal", async () => {
    await using work = bench();
    const { workload, streams, output } = await work.run({
      argv: ["sh", "-c", "trap 'exit 6' INT; echo ready; while :; do sleep 0.1; done"],
      process: { stdin: true, terminal: { rows: 24, columns: 80 } },
    });
    await output.until("ready");
    await streams.write(Buffer.from("\x03"));
    assert.equal((await workload.wait(deadline())).code, 6);
  });

  test("the log is Docker's: a line each, stream and time, long lines in parts", async () => {
    await using work = bench();
    const { workload, spec } = await work.run({
      argv: [
        "sh",
        "-c",
        `echo 'a "quoted" <line>'; echo oops >&2; head -c 20000 /dev/zero | tr '\\0' x; printf tail`,
      ],
    });
    await workload.wait(deadline());
    const lines = await readLog(spec.log.path ?? "");
    const stdout = lines.filter((line) => line.stream === "stdout").map((line) => line.log);
    assert.equal(stdout[0], 'a "quoted" <line>\n');
    assert.equal(stdout[1]?.length, 16384);
    assert.equal(stdout.slice(1).join(""), `${"x".repeat(20000)}tail`);
    assert.deepEqual(
      lines.filter((line) => line.stream === "stderr").map((line) => line.log),
      ["oops\n"],
    );
    for (const line of lines)
      assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
  });

  test("the log grows while nobody is attached, and rotates", async () => {
    await using work = bench();
    const spec = await work.spec({
      argv: ["sh", "-c", "i=0; while [ $i -lt 300 ]; do echo line number $i; i=$((i+1)); done"],
    });
    const path = spec.log.path ?? "";
    const workload = await work.open({
      ...spec,
      log: { path, maximumSize: 8192, maximumFiles: 3 },
    });
    await workload.create(deadline());
    await workload.start(deadline());
    await workload.wait(deadline());
    const [current, first, second] = await Promise.all([
      readLog(path),
      readLog(`${path}.1`),
      readLog(`${path}.2`),
    ]);
    const all = [...second, ...first, ...current].map((line) => line.log);
    assert.equal(all.at(-1), "line number 299\n");
    const firstKept = Number(/\d+/.exec(all[0] ?? "")?.[0]);
    assert.deepEqual(
      all,
      Array.from({ length: 300 - firstKept }, (_, index) => `line number ${firstKept + index}\n`),
    );
    await assert.rejects(readFile(`${path}.3`), "no more files than wanted");
  });
}
