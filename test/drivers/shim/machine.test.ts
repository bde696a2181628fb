import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Field } from "../../../src/domain/shim.ts";
import { createShimLauncher } from "../../../src/drivers/shim/launcher.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { FieldReader } from "../../../src/kit/frames/fields.ts";
import { fieldTag, messageType } from "../../../src/spec/workload.ts";
import { Collected } from "../../suites/runtime/harness.ts";
import { FakeAgent } from "./fake-agent.ts";
import { binary, openMachine, signal, startMain } from "./machine.ts";

describe("a shim that owns a virtual machine", () => {
  test("relays a request and its answer without touching them", async () => {
    await using machine = await openMachine();
    const answer = machine.link.request(
      messageType.setup,
      [[fieldTag.hostname, "guest"]],
      signal(),
    );
    const setup = await machine.agent.next(messageType.setup);
    assert.equal(new FieldReader(setup.payload).text(fieldTag.hostname), "guest");
    machine.agent.send(messageType.ok, setup.channel, [[fieldTag.kernelRelease, "6.1"]]);
    assert.equal((await answer).text(fieldTag.kernelRelease), "6.1");
  });

  test("hands an agent's refusal on as the error that it is", async () => {
    await using machine = await openMachine();
    const answer = machine.link.request(messageType.sync, [], signal());
    const sync = await machine.agent.next(messageType.sync);
    machine.agent.send(messageType.error, sync.channel, [
      [fieldTag.errorClass, "exhausted"],
      [fieldTag.errorCode, "NO_SPACE"],
      [fieldTag.errorMessage, "the disk is full"],
    ]);
    await assert.rejects(
      answer,
      (error) => isDuetError(error, "exhausted") && error.code === "NO_SPACE",
    );
  });

  test("serves attach, log, input and exit of the main process, and ends QEMU after it", async () => {
    await using machine = await openMachine();
    const streams = await machine.link.attach(true, signal());
    const output = new Collected(streams);
    const main = await startMain(machine, [
      [fieldTag.stdin, 1],
      [fieldTag.stdinOnce, 1],
    ]);
    await streams.write(Buffer.from("input"));
    assert.equal((await machine.agent.next(messageType.stdin)).payload.toString(), "input");
    await streams.closeInput();
    assert.equal((await machine.agent.next(messageType.closeStdin)).channel, main);
    machine.agent.send(messageType.stdout, main, Buffer.from("printed\n"));
    machine.agent.send(messageType.exited, main, [[fieldTag.exitCode, 5]]);
    machine.agent.send(messageType.ended, main);
    assert.equal((await machine.link.wait(signal())).code, 5);
    await output.ended;
    assert.equal(output.stdout, "printed\n");
    const record = JSON.parse(await readFile(join(machine.folder, "exit.json"), "utf8")) as {
      code: number;
    };
    assert.equal(record.code, 5);
    assert.match(await readFile(join(machine.folder, "log.json"), "utf8"), /"log":"printed\\n"/);
  });

  test("relays an exec's streams and aims signals and sizes at it", async () => {
    await using machine = await openMachine();
    await startMain(machine);
    const asked = machine.link.exec([[fieldTag.argument, "sh"]], signal());
    const exec = await machine.agent.next(messageType.exec);
    machine.agent.send(messageType.started, exec.channel, [[fieldTag.pid, 77]]);
    const process = await asked;
    assert.equal(process.pid, 77);
    const output = new Collected(process.streams);
    const resized = process.resize(30, 90, signal());
    const resize = await machine.agent.next(messageType.resize);
    assert.equal(new FieldReader(resize.payload).number(fieldTag.target), exec.channel);
    machine.agent.send(messageType.ok, resize.channel);
    await resized;
    machine.agent.send(messageType.stderr, exec.channel, Buffer.from("from exec"));
    machine.agent.send(messageType.exited, exec.channel, [[fieldTag.exitCode, 3]]);
    machine.agent.send(messageType.ended, exec.channel);
    assert.equal((await process.wait(signal())).code, 3);
    await output.ended;
    assert.equal(output.stderr, "from exec");
  });

  test("gives credit for what nobody reads any more", async () => {
    await using machine = await openMachine();
    await startMain(machine);
    const other = await createShimLauncher({ binary }).connect(machine.handle, signal());
    assert.ok(other);
    const asked = other.exec([[fieldTag.argument, "yes"]], signal());
    const exec = await machine.agent.next(messageType.exec);
    machine.agent.send(messageType.started, exec.channel, [[fieldTag.pid, 9]]);
    await asked;
    other.close();
    await machine.agent.next(messageType.closeStdin);
    machine.agent.send(messageType.stdout, exec.channel, Buffer.alloc(128 << 10));
    const credit = await machine.agent.next(messageType.credit);
    assert.equal(credit.payload.readUInt32LE(0), 128 << 10);
  });

  test("records the end of QEMU as code 137 with its last words", async () => {
    await using machine = await openMachine([], ["sh", "-c", "echo something broke >&2; exit 3"]);
    const record = await machine.link.wait(signal());
    assert.equal(record.code, 137);
    assert.match(record.error ?? "", /QEMU exit code 3.*something broke/);
    await assert.rejects(machine.link.request(messageType.sync, [], signal()), (error) =>
      isDuetError(error, "unavailable"),
    );
  });

  test("records a killed QEMU as code 137", async () => {
    await using machine = await openMachine();
    await startMain(machine);
    process.kill(machine.qemu, "SIGKILL");
    assert.equal((await machine.link.wait(signal())).code, 137);
  });

  for (const [what, bytes] of [
    ["a frame over the limit", Buffer.from("ffffffff420000000100000000", "hex")],
    ["flags that nobody knows", Buffer.from("000000004300ff0001000000", "hex")],
  ] as const) {
    test(`an agent that sends ${what} loses its machine, not the shim (G84)`, async () => {
      await using machine = await openMachine();
      await startMain(machine);
      machine.agent.sendRaw(bytes);
      const record = await machine.link.wait(signal());
      assert.equal(record.code, 137);
      assert.match(record.error ?? "", /broke the protocol/);
    });
  }

  test("an agent that sends more output than it has credit for loses its machine", async () => {
    await using machine = await openMachine();
    const streams = await machine.link.attach(false, signal());
    const main = await startMain(machine);
    for (let sent = 0; sent < 8; sent += 1) {
      machine.agent.send(messageType.stdout, main, Buffer.alloc(128 << 10));
    }
    assert.equal((await machine.link.wait(signal())).code, 137);
    streams.detach();
  });

  test("an agent that answers twice loses its machine (G84)", async () => {
    await using machine = await openMachine();
    await startMain(machine);
    const asked = machine.link.exec([[fieldTag.argument, "sh"]], signal());
    const exec = await machine.agent.next(messageType.exec);
    for (let sent = 0; sent < 2; sent += 1) {
      machine.agent.send(messageType.started, exec.channel, [[fieldTag.pid, 77]]);
    }
    await asked;
    const record = await machine.link.wait(signal());
    assert.match(record.error ?? "", /broke the protocol/);
  });

  test("what an agent says is data: exit codes are bytes, words are printable", async () => {
    await using machine = await openMachine();
    await startMain(machine);
    const asked = machine.link.exec([[fieldTag.argument, "sh"]], signal());
    const exec = await machine.agent.next(messageType.exec);
    machine.agent.send(messageType.started, exec.channel, [[fieldTag.pid, 77]]);
    machine.agent.send(messageType.exited, exec.channel, [[fieldTag.exitCode, 2 ** 40 + 7]]);
    machine.agent.send(messageType.ended, exec.channel);
    assert.equal((await (await asked).wait(signal())).code, 7);
    const refused = machine.link.request(messageType.sync, [], signal());
    const { channel } = await machine.agent.next(messageType.sync);
    machine.agent.send(messageType.error, channel, [
      [fieldTag.errorMessage, `\u001b[2Jcleared${"x".repeat(10_000)}`],
    ]);
    await assert.rejects(refused, (error) => {
      assert.ok(isDuetError(error, "internal"));
      assert.match(error.message, /^\ufffd\[2Jcleared/);
      return error.message.length <= 4_096;
    });
  });

  test("frames for channels that are not open are ignored (G84)", async () => {
    await using machine = await openMachine();
    await startMain(machine);
    for (const type of Object.values(messageType))
      machine.agent.send(type, 4_000_000, Buffer.from("odd"));
    const answer = machine.link.request(messageType.sync, [], signal());
    machine.agent.send(messageType.ok, (await machine.agent.next(messageType.sync)).channel);
    await answer;
  });

  test("opens a tap for QEMU that goes with it", async () => {
    const device = `dt${process.pid}`;
    await using machine = await openMachine([
      [
        fieldTag.tap,
        [
          [fieldTag.device, device],
          [fieldTag.fd, 20],
        ],
      ],
    ]);
    assert.match(await readFile("/proc/net/dev", "utf8"), new RegExp(device));
    assert.match(await readFile(`/proc/${machine.qemu}/fdinfo/20`, "utf8"), new RegExp(device));
    await machine.link.request(messageType.shutdown, [], signal());
    assert.doesNotMatch(await readFile("/proc/net/dev", "utf8"), new RegExp(device));
  });

  test("jails QEMU: another user, no new privileges, its own root, and mounts that come later", async () => {
    const jail = await mkdtemp("/tmp/dj-");
    const shared = await mkdtemp("/tmp/ds-");
    try {
      const bind = (path: string): Field => [
        fieldTag.mount,
        [
          [fieldTag.type, "bind"],
          [fieldTag.source, path],
          [fieldTag.mountPoint, path],
          [fieldTag.option, "ro"],
        ],
      ];
      await using machine = await openMachine(
        [
          [
            fieldTag.jail,
            [
              [fieldTag.uid, 4242],
              [fieldTag.gid, 4343],
              [fieldTag.root, jail],
              bind("/bin/busybox"),
              [
                fieldTag.limit,
                [
                  [fieldTag.number, 7],
                  [fieldTag.soft, 100],
                  [fieldTag.hard, 100],
                ],
              ],
            ],
          ],
        ],
        ["/bin/busybox", "sleep", "1000"],
      );
      const status = await readFile(`/proc/${machine.qemu}/status`, "utf8");
      assert.match(status, /Uid:\s4242\s4242\s4242\s4242/);
      assert.match(status, /NoNewPrivs:\s1/);
      assert.match(status, /CapEff:\s0+\n/);
      assert.match(
        await readFile(`/proc/${machine.qemu}/limits`, "utf8"),
        /Max open files\s+100\s+100/,
      );
      const before = await readFile(`/proc/${machine.qemu}/mountinfo`, "utf8");
      assert.equal(before.trim().split("\n").length, 2, before);
      await machine.link.request(
        messageType.mount,
        [
          [
            fieldTag.mount,
            [
              [fieldTag.type, "bind"],
              [fieldTag.source, shared],
              [fieldTag.mountPoint, "/shares/one"],
            ],
          ],
        ],
        signal(),
      );
      assert.match(await readFile(`/proc/${machine.qemu}/mountinfo`, "utf8"), /\/shares\/one/);
    } finally {
      await rm(jail, { recursive: true });
      await rm(shared, { recursive: true });
    }
  });

  /** The last words of a jailed shell script, which QEMU's would be. */
  async function lastWords(script: string): Promise<string> {
    const jail = await mkdtemp("/tmp/dj-");
    try {
      const busybox: Field[] = [
        [fieldTag.type, "bind"],
        [fieldTag.source, "/bin/busybox"],
        [fieldTag.mountPoint, "/bin/busybox"],
        [fieldTag.option, "ro"],
      ];
      const fields: Field[] = [
        [fieldTag.uid, 4242],
        [fieldTag.gid, 4343],
        [fieldTag.root, jail],
        [fieldTag.mount, busybox],
      ];
      await using machine = await openMachine(
        [[fieldTag.jail, fields]],
        ["/bin/busybox", "sh", "-c", `b=/bin/busybox; { ${script}; } >&2`],
      );
      const record = await machine.link.wait(signal());
      const names = await readdir(machine.folder);
      assert.deepEqual(
        names.filter((name) => name.includes("qemu")),
        [],
      );
      return /\(QEMU exit code \d+\)(.*)$/s.exec(record.error ?? "")?.[1] ?? "";
    } finally {
      await rm(jail, { recursive: true });
    }
  }

  test("a jailed program gets no namespace and no socket but its own kind", async () => {
    const tries = "for kind in U m n p; do $b unshare -$kind $b true && got=$got$kind; done";
    const connects = "$b nc -w 1 127.0.0.1 9 2>&1 | $b grep -q 'not permitted' || got=$got-net";
    assert.match(await lastWords(`${tries}; ${connects}; echo got:$got`), /: got:$/);
  });

  test("what a jailed program prints without end fills no disk, and is told of at its end", async () => {
    assert.match(await lastWords("$b yes | $b head -c 1000000"), /: y$/);
  });

  test("a pool's machine that belongs to nobody ends with its last client", async () => {
    const folder = await mkdtemp("/tmp/dm-");
    const agent = await FakeAgent.listen(join(folder, "agent.sock"));
    const { link } = await createShimLauncher({ binary }).launch(folder, "pool-test", signal());
    const answer = await link.request(
      messageType.configure,
      [
        [fieldTag.isolation, "vm"],
        [fieldTag.program, "sleep"],
        [fieldTag.program, "1000"],
        [fieldTag.agentSocket, join(folder, "agent.sock")],
      ],
      signal(),
    );
    const pid = answer.number(fieldTag.pid);
    link.close();
    await link.closed;
    const limit = Date.now() + 60_000;
    while (isAlive(pid) && Date.now() < limit)
      await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isAlive(pid), false);
    await agent[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
