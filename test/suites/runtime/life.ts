import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { isDuetError } from "../../../src/kit/errors.ts";
import { Collected, deadline } from "./harness.ts";
import type { Bench } from "./suite.ts";

export function lifeTests(bench: Bench): void {
  test("runs a program and reports what it printed and how it ended", async () => {
    await using work = bench();
    const { workload, spec, output } = await work.run({
      argv: ["sh", "-c", "echo to stdout; echo to stderr >&2; exit 7"],
    });
    const record = await workload.wait(deadline());
    await output.ended;
    assert.equal(output.stdout, "to stdout\n");
    assert.equal(output.stderr, "to stderr\n");
    assert.equal(record.code, 7);
    assert.equal(record.outOfMemory, false);
    assert.ok(Math.abs(Date.now() - record.exitedAt) < 60_000);
    assert.deepEqual(await work.harness.runtime.exitRecord(spec.stateDirectory), record);
  });

  test("answers everybody who waits, also after the end", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sh", "-c", "exit 3"] });
    const records = await Promise.all([workload.wait(deadline()), workload.wait(deadline())]);
    assert.deepEqual(
      records.map((record) => record.code),
      [3, 3],
    );
    assert.equal((await workload.wait(deadline())).code, 3);
  });

  test("gives up waiting when asked to, and the workload goes on", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "100"] });
    await assert.rejects(workload.wait(AbortSignal.timeout(50)));
    await workload.signal(constants.signals.SIGKILL, deadline());
    assert.equal((await workload.wait(deadline())).code, 137);
  });

  test("a signal reaches a handler of the program", async () => {
    await using work = bench();
    const { workload, output } = await work.run({
      argv: [
        "sh",
        "-c",
        "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.1; done",
      ],
    });
    await output.until("ready");
    await workload.signal(constants.signals.SIGTERM, deadline());
    assert.equal((await workload.wait(deadline())).code, 5);
    await output.ended;
    assert.match(output.stdout, /caught/);
  });

  test("a program that is not there fails with COMMAND_NOT_FOUND", async () => {
    await using work = bench();
    const spec = await work.spec({ argv: ["no-such-program"] });
    const workload = await work.open(spec);
    await assert.rejects(
      async () => {
        await workload.create(deadline());
        await workload.start(deadline());
      },
      (error) => isDuetError(error) && error.code === "COMMAND_NOT_FOUND",
    );
  });

  test("a file that may not be executed fails with COMMAND_NOT_EXECUTABLE", async () => {
    await using work = bench();
    const spec = await work.spec({ argv: ["/etc/hostname"] });
    const workload = await work.open(spec);
    await assert.rejects(
      async () => {
        await workload.create(deadline());
        await workload.start(deadline());
      },
      (error) => isDuetError(error) && error.code === "COMMAND_NOT_EXECUTABLE",
    );
  });

  test("a workload that was never started can be deleted, twice", async () => {
    await using work = bench();
    const { workload } = await work.create({ argv: ["true"] });
    await workload.delete(deadline());
    await workload.delete(deadline());
  });

  test("deleting ends what still runs", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    await workload.delete(deadline());
  });

  test("a later daemon finds it, reads on and gets its exit code", async () => {
    await using work = bench();
    const first = await work.run({
      argv: ["sh", "-c", "echo one; read line; echo two $line; exit 9"],
      process: { stdin: true, stdinOnce: false },
    });
    await first.output.until("one");
    const later = await work.harness.later();
    const found = await later.find(first.spec.id, first.workload.handle, deadline());
    assert.ok(found, "found by its handle");
    assert.equal(found.pid, first.workload.pid);
    const streams = await found.attach({ stdin: true }, deadline());
    const output = new Collected(streams);
    await streams.write(Buffer.from("more\n"));
    assert.equal((await found.wait(deadline())).code, 9);
    await output.ended;
    assert.equal(output.stdout, "two more\n");
    await found.delete(deadline());
    assert.equal(await later.find(first.spec.id, first.workload.handle, deadline()), undefined);
    assert.equal((await later.exitRecord(first.spec.stateDirectory))?.code, 9);
  });

  test("sweeping what is not there is no error", async () => {
    await using work = bench();
    const spec = await work.spec({ argv: ["true"] });
    await work.harness.runtime.sweep(spec.id, spec.stateDirectory, spec.runDirectory, deadline());
    assert.equal(await work.harness.runtime.exitRecord(spec.stateDirectory), undefined);
  });

  test("twenty workloads at once all run", async () => {
    await using work = bench();
    const count = work.harness.runtime.isolation === "vm" ? 3 : 20;
    const records = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const { workload } = await work.run({ argv: ["sh", "-c", `exit ${index}`] });
        return await workload.wait(deadline());
      }),
    );
    assert.deepEqual(
      records.map((record) => record.code),
      Array.from({ length: count }, (_, index) => index),
    );
  });
}
