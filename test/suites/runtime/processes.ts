import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcessList } from "../../../src/domain/runtime.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { Collected, deadline, processSpec } from "./harness.ts";
import type { Bench } from "./suite.ts";

export function processTests(bench: Bench): void {
  test("exec runs beside the main process, with input, output and exit code", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    const process = await workload.exec(
      processSpec(["sh", "-c", "cat; echo err >&2; exit 12"], { stdin: true }),
      deadline(),
    );
    const output = new Collected(process.streams);
    await process.streams.write(Buffer.from("hello exec"));
    await process.streams.closeInput();
    assert.equal((await process.wait(deadline())).code, 12);
    await output.ended;
    assert.equal(output.stdout, "hello exec");
    assert.equal(output.stderr, "err\n");
    assert.ok(process.pid > 0);
  });

  test("exec on a terminal has its size and takes a new one", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    const process = await workload.exec(
      processSpec(
        ["sh", "-c", "trap 'stty size; exit 2' WINCH; stty size; while :; do sleep 0.1; done"],
        {
          stdin: true,
          terminal: { rows: 20, columns: 70 },
        },
      ),
      deadline(),
    );
    const output = new Collected(process.streams);
    await output.until("20 70");
    await process.resize(50, 90, deadline());
    await output.until("50 90");
    assert.equal((await process.wait(deadline())).code, 2);
  });

  test("exec of what is not there fails with COMMAND_NOT_FOUND, and the workload goes on", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    await assert.rejects(
      workload.exec(processSpec(["no-such-program"]), deadline()),
      (error) => isDuetError(error) && error.code === "COMMAND_NOT_FOUND",
    );
    const process = await workload.exec(processSpec(["true"]), deadline());
    assert.equal((await process.wait(deadline())).code, 0);
  });

  test("ten execs at once keep their streams apart", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    const outputs = await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const process = await workload.exec(
          processSpec(["sh", "-c", `echo I am ${index}; exit ${index}`]),
          deadline(),
        );
        const output = new Collected(process.streams);
        const record = await process.wait(deadline());
        await output.ended;
        return `${output.stdout.trim()} ${record.code}`;
      }),
    );
    assert.deepEqual(
      outputs,
      Array.from({ length: 10 }, (_, index) => `I am ${index} ${index}`),
    );
  });

  test("an exec that nobody reads any more ends by itself", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    const process = await workload.exec(
      processSpec([
        "sh",
        "-c",
        "dd if=/dev/zero bs=65536 count=30 2>/dev/null; touch /tmp/finished",
      ]),
      deadline(),
    );
    process.streams.detach();
    const check = await workload.exec(
      processSpec(["sh", "-c", "while [ ! -e /tmp/finished ]; do sleep 0.05; done"]),
      deadline(),
    );
    assert.equal((await check.wait(deadline())).code, 0);
  });

  test("lists processes as ps does", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1234"] });
    const limit = deadline();
    const isThere = ({ rows }: ProcessList): boolean =>
      rows.some((row) => row.at(-1) === "sleep 1234");
    /* It is started, but may still be the runtime's own program that turns into it. */
    let list = await workload.processes([], limit);
    while (!isThere(list) && !limit.aborted) list = await workload.processes([], limit);
    assert.deepEqual(list.titles, ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    assert.ok(isThere(list), JSON.stringify(list.rows));
    const chosen = await workload.processes(["-o", "pid,user,args"], deadline());
    assert.deepEqual(chosen.titles, ["PID", "USER", "COMMAND"]);
    assert.deepEqual(chosen.rows, [[list.rows[0]?.[1] ?? "", "root", "sleep 1234"]]);
    const long = await workload.processes(["auxf"], deadline());
    assert.ok(long.titles.includes("%MEM"), long.titles.join(" "));
    await assert.rejects(workload.processes(["-o", "garbage"], deadline()), {
      message: /^ps: error: .*"garbage"/,
    });
  });

  test("with init, PID 1 reaps and hands signals and exit codes on", async () => {
    await using work = bench();
    const { workload, output } = await work.run({
      argv: [
        "sh",
        "-c",
        "echo pid $$; trap 'exit 8' TERM; (sleep 0.01 &); echo ready; while :; do sleep 0.1; done",
      ],
      spec: { init: true },
    });
    await output.until("ready");
    assert.doesNotMatch(output.stdout, /pid 1\n/);
    await workload.signal(15, deadline());
    assert.equal((await workload.wait(deadline())).code, 8);
  });
}
