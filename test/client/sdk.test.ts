import assert from "node:assert/strict";
import { test } from "node:test";
import { Duet } from "../../src/client/duet.ts";
import { RunningServer } from "../servers/docker/running-server.ts";

test("a container made by `run` is a VM when asked, and is gone at the end of its block", async () => {
  await using server = await RunningServer.start();
  await using duet = new Duet({ host: server.socket });
  {
    await using web = await duet.containers.run({
      image: "busybox",
      isolation: "vm",
      command: ["serve"],
      ports: { "127.0.0.1:8080": "80" },
      env: { A: "1" },
    });
    const { HostConfig, State } = await web.inspect();
    assert.equal(HostConfig.Isolation, "vm");
    assert.deepEqual(HostConfig.PortBindings, {
      "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }],
    });
    assert.equal(State.Running, true);
    assert.equal((await duet.containers.list()).length, 1);
  }
  assert.equal((await duet.containers.list({ all: true })).length, 0);
});

test("exec collects both streams and the exit code, and feeds input", async () => {
  await using server = await RunningServer.start();
  await using duet = new Duet({ host: server.socket });
  await using container = await duet.containers.run({ image: "busybox", command: ["serve"] });
  const echoed = await container.exec(["cat"], { input: Buffer.from("through") });
  assert.equal(echoed.stdout.toString(), "through");
  const warned = await container.exec(["warn", "careful"]);
  assert.deepEqual([warned.stdout.toString(), warned.stderr.toString()], ["", "careful\n"]);
  assert.equal((await container.exec(["exit", "5"])).exitCode, 5);
});

test("a wait registered before the start sees the exit", async () => {
  await using server = await RunningServer.start();
  await using duet = new Duet({ host: server.socket });
  const container = await duet.containers.create({ image: "busybox", command: ["exit", "9"] });
  const { exit } = await duet.containers.wait(container.id, "next-exit");
  await container.start();
  assert.equal((await exit).StatusCode, 9);
});

test("an error in the middle of a pull is thrown", async () => {
  await using server = await RunningServer.start();
  await using duet = new Duet({ host: server.socket });
  const seen: string[] = [];
  await assert.rejects(async () => {
    for await (const event of duet.images.pull("broken/image")) seen.push(event.status ?? "");
  }, /damaged/);
  assert.ok(seen.length > 0);
});

test("disposing the client ends what still waits, so that a program can end", async () => {
  await using server = await RunningServer.start();
  const duet = new Duet({ host: server.socket });
  const container = await duet.containers.run({ image: "busybox", command: ["serve"] });
  const { exit } = await duet.containers.wait(container.id, "not-running");
  const ended = assert.rejects(exit);
  await duet[Symbol.asyncDispose]();
  await ended;
});
