import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { listProcesses } from "../../src/drivers/runtime-qemu/processes.ts";
import { run } from "../../src/kit/subprocess.ts";
import { builtNative } from "../native/rootfs/binary.ts";

const helper = builtNative("duet-rootfs");
const soon = (): AbortSignal => AbortSignal.timeout(180_000);

function record(path: string, content: string | Buffer): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16LE(Buffer.byteLength(path), 0);
  head.writeUInt32LE(content.length, 2);
  return Buffer.concat([head, Buffer.from(path), Buffer.from(content)]);
}

const numbers = "0 0 0 0 20 0 1 0 100 2314240 1 18446744073709551615 ".padEnd(200, "0 ");
const machine = [
  record("stat", "cpu 1 1 1 1\nbtime 1700000000\n"),
  record("uptime", "100.00 100.00\n"),
  record("cpuinfo", "processor\t: 0\n"),
  record("meminfo", "MemTotal: 1000 kB\n"),
];

function processOf(pid: number, command: string): Buffer {
  return Buffer.concat([
    record(`${pid}/stat`, `${pid} (name) S 1 ${pid} ${pid} 0 -1 0 0 0 0 0 ${numbers}`),
    record(`${pid}/status`, `Name:\tname\nTgid:\t${pid}\nPid:\t${pid}\nUid:\t0\t0\t0\t0\n`),
    record(`${pid}/cmdline`, command),
  ]);
}

async function* all(...records: Buffer[]): AsyncGenerator<Buffer> {
  yield* records;
}

describe("a guest that lies about its processes", { timeout: 1_500_000 }, () => {
  test("shows them and nothing of the host's", async () => {
    const files = all(...machine, processOf(7, "one\0two\0"), processOf(8, "three"));
    const { titles, rows } = await listProcesses(helper, files, ["-eo", "pid,args"], soon());
    assert.deepEqual(titles, ["PID", "COMMAND"]);
    assert.deepEqual(rows, [
      ["7", "one two"],
      ["8", "three"],
    ]);
  });

  for (const path of [
    "../../../tmp/duet-escaped",
    "/tmp/duet-escaped",
    "7/../../tmp/duet-escaped",
    "self/status",
    "1/status",
    "",
    "a//b",
    `${"7/".repeat(150)}x`,
    "7/stat\0",
  ]) {
    test(`is refused a file named ${JSON.stringify(path.slice(0, 30))}`, async () => {
      const files = all(...machine, record(path, "x"));
      await assert.rejects(listProcesses(helper, files, [], soon()), { code: "PROCESSES_UNSHOWN" });
      assert.equal(existsSync("/tmp/duet-escaped"), false);
    });
  }

  test("gets no answer to half a record, and none over the limit", async () => {
    for (const bytes of [Buffer.from("ab"), record("7/stat", "x").subarray(0, 9)]) {
      const done = await run(helper, ["--processes", "-ef"], {
        signal: soon(),
        input: bytes,
        okCodes: "any",
      });
      assert.notEqual(done.code, 0);
    }
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(1 << 20);
    }
    await assert.rejects(listProcesses(helper, endless(), [], soon()), {
      code: "TOO_MANY_PROCESSES",
    });
  });
});
