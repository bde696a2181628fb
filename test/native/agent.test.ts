import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Field } from "../../src/domain/shim.ts";
import { frameHeader } from "../../src/kit/frames/frame.ts";
import { fieldTag, messageType } from "../../src/spec/workload.ts";
import { AgentProcess, command, disk, hello, limit } from "./agent-process.ts";

async function textOf(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Runs one main process to its end and gives what it printed on both streams. */
async function printed(agent: AgentProcess, argv: readonly string[], more: readonly Field[] = []) {
  const link = agent.link();
  await link.request(messageType.setup, [disk], limit());
  const main = await link.channel(messageType.create, command(argv, more), limit());
  await link.request(messageType.start, [], limit());
  return await textOf(main.input);
}

describe("the agent", { timeout: 500_000 }, () => {
  test("says its version and state", async () => {
    await using agent = await AgentProcess.start();
    const answer = await hello(agent.link());
    assert.equal(answer.number(fieldTag.version), 1);
    assert.equal(answer.text(fieldTag.state), "new");
  });

  test("runs a process alone in its namespace and tells its end", async () => {
    await using agent = await AgentProcess.start();
    assert.equal(await printed(agent, ["sh", "-c", "echo $$; cat /etc/hosts 2>/dev/null"]), "1\n");
    const { words } = await agent.end();
    assert.doesNotMatch(words, /Sanitizer|runtime error/);
  });

  test("knows the image's users and groups", async () => {
    await using agent = await AgentProcess.start();
    const text = await printed(
      agent,
      ["id"],
      [
        [fieldTag.user, "ada"],
        [fieldTag.group, "staff"],
      ],
    );
    assert.match(text, /uid=1000\(ada\) gid=1000\(ada\) groups=50\(staff\)/);
  });

  test("refuses a user that the image does not name, and takes another CREATE after", async () => {
    await using agent = await AgentProcess.start();
    const link = agent.link();
    await link.request(messageType.setup, [disk], limit());
    const wrong = command(["true"], [[fieldTag.user, "nobody-here"]]);
    await assert.rejects(link.request(messageType.create, wrong, limit()), {
      code: "USER_UNKNOWN",
    });
    await assert.rejects(link.request(messageType.create, command(["/etc/passwd"]), limit()), {
      code: "COMMAND_NOT_EXECUTABLE",
    });
    await assert.rejects(link.request(messageType.create, command(["nothing"]), limit()), {
      code: "COMMAND_NOT_FOUND",
    });
    const main = await link.channel(messageType.create, command(["echo", "at last"]), limit());
    await link.request(messageType.start, [], limit());
    assert.equal(await textOf(main.input), "at last\n");
  });

  test("reads passwd only where it is a small regular file of the image [29]", async () => {
    await using agent = await AgentProcess.start();
    await writeFile(join(agent.folder, "root/etc/passwd"), Buffer.alloc(2 << 20, "x"));
    const link = agent.link();
    await link.request(messageType.setup, [disk], limit());
    const wrong = command(["true"], [[fieldTag.user, "ada"]]);
    await assert.rejects(link.request(messageType.create, wrong, limit()), {
      code: "USER_UNKNOWN",
    });
  });

  test("lays files over links of the image without leaving it", async () => {
    await using agent = await AgentProcess.start();
    const outside = join(agent.folder, "outside");
    await writeFile(outside, "untouched");
    await symlink(outside, join(agent.folder, "root/etc/hosts"));
    const file: Field = [
      fieldTag.file,
      [
        [fieldTag.path, "/etc/hosts"],
        [fieldTag.content, Buffer.from("laid over\n")],
      ],
    ];
    const link = agent.link();
    await link.request(messageType.setup, [disk, file], limit());
    const main = await link.channel(messageType.create, command(["cat", "/etc/hosts"]), limit());
    await link.request(messageType.start, [], limit());
    assert.equal(await textOf(main.input), "laid over\n");
  });

  test("a rehearsal leaves it as new", async () => {
    await using agent = await AgentProcess.start();
    const link = agent.link();
    const fields = [
      [fieldTag.rehearsal, 1] as Field,
      disk,
      ...command(["sh", "-c", "echo unheard"]),
    ];
    await link.request(messageType.setup, fields, limit());
    assert.equal((await hello(link)).text(fieldTag.state), "new");
    await link.request(messageType.setup, fields, limit());
    assert.equal((await hello(link)).text(fieldTag.state), "new");
    const { code, words } = await agent.end();
    assert.doesNotMatch(words, /Sanitizer|runtime error/);
    assert.equal(code, 0);
  });

  test("a fast writer is held back until its reader gives credit", async () => {
    await using agent = await AgentProcess.start();
    const script =
      "i=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789; i=$((i+1)); done";
    const text = await printed(agent, ["sh", "-c", script]);
    assert.equal(text.length, 4000 * 101);
  });

  const attacks: Readonly<Record<string, Buffer>> = {
    "an endless length": Buffer.from([255, 255, 255, 255, 1, 0, 0, 0, 1, 0, 0, 0]),
    "flags that are not zero": Buffer.from([0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0]),
    "channel zero": frameHeader(messageType.hello, 0, 0),
    "an answer where a request is due": frameHeader(messageType.ok, 1, 0),
    "fields cut short": Buffer.concat([
      frameHeader(messageType.setup, 1, 8),
      Buffer.from([1, 0, 255, 255, 255, 127, 0, 0]),
    ]),
    noise: randomBytes(4096),
  };
  for (const [what, bytes] of Object.entries(attacks)) {
    test(`drops the connection, and nothing else, on ${what} [84]`, async () => {
      await using agent = await AgentProcess.start();
      await hello(agent.link());
      const closed = new Promise((done) => agent.port.once("close", done));
      agent.port.write(bytes);
      agent.port.end();
      await closed;
      const { code, words } = await agent.end();
      assert.doesNotMatch(words, /Sanitizer|runtime error/);
      assert.equal(code, 0);
    });
  }

  test("takes frames split into single bytes", async () => {
    await using agent = await AgentProcess.start();
    const link = agent.link();
    const frame = frameHeader(messageType.status, 77, 0);
    for (const byte of frame) agent.port.write(Buffer.from([byte]));
    assert.equal((await hello(link)).text(fieldTag.state), "new");
  });

  test("ignores streams for channels that nobody opened, and credit out of nowhere", async () => {
    await using agent = await AgentProcess.start();
    const link = agent.link();
    agent.port.write(Buffer.concat([frameHeader(messageType.stdin, 9, 4), Buffer.from("lost")]));
    agent.port.write(
      Buffer.concat([frameHeader(messageType.credit, 9, 4), Buffer.from([1, 0, 0, 0])]),
    );
    agent.port.write(frameHeader(messageType.closeStdin, 9, 0));
    agent.port.write(frameHeader(messageType.detach, 9, 0));
    assert.equal((await hello(link)).text(fieldTag.state), "new");
  });

  test("requests out of order are refused by name", async () => {
    await using agent = await AgentProcess.start();
    const link = agent.link();
    for (const type of [
      messageType.create,
      messageType.start,
      messageType.exec,
      messageType.rootfs,
    ])
      await assert.rejects(link.request(type, command(["true"]), limit()), { code: "WRONG_STATE" });
    await assert.rejects(link.request(messageType.signal, [[fieldTag.signal, 15]], limit()), {
      code: "NOT_RUNNING",
    });
    const freeze = (frozen: number) =>
      link.request(messageType.freeze, [[fieldTag.frozen, frozen]], limit());
    await assert.rejects(freeze(1), { code: "WRONG_STATE" });
    await freeze(0);
    await assert.rejects(link.request(63, [], limit()), { code: "UNKNOWN_REQUEST" });
  });
});
