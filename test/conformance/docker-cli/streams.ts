import assert from "node:assert/strict";
import { test } from "node:test";
import { described, session, type Way } from "./way.ts";

/** Input, output, terminals and exit codes of `docker run`, `exec`, `attach`, `start` and `logs`. */
export function testStreams(way: Way): void {
  const title = described(way);

  test(`${title}: run keeps stdout, stderr and the exit code apart`, async () => {
    const { client, isolated } = await session(way);
    const script = "echo out; echo err >&2; exit 42";
    const result = await client.attempt([
      "run",
      "--rm",
      ...isolated,
      "busybox",
      "sh",
      "-c",
      script,
    ]);
    assert.equal(result.stdout.toString(), "out\n");
    assert.equal(result.stderr, "err\n");
    assert.equal(result.code, 42);
  });

  test(`${title}: exit codes 125, 126 and 127 mean what Docker's mean`, async () => {
    const { client, isolated } = await session(way);
    const run = async (...words: string[]): Promise<number> =>
      (await client.attempt(["run", "--rm", ...isolated, ...words])).code;
    assert.equal(await run("--memory", "1b", "busybox", "true"), 125);
    assert.equal(await run("busybox", "/etc/passwd"), 126);
    assert.equal(await run("busybox", "no-such-program"), 127);
  });

  test(`${title}: run -i gives all of a large input and ends with it`, async () => {
    const { client, isolated } = await session(way);
    const input = Buffer.alloc(3_000_000, "0123456789abcde\n");
    const result = await client.succeed(["run", "--rm", "-i", ...isolated, "busybox", "cat"], {
      input,
    });
    assert.ok(result.stdout.equals(input));
    const sum = ["run", "--rm", "-i", ...isolated, "busybox", "wc", "-c"];
    assert.equal((await client.succeed(sum, { input })).stdout.toString().trim(), "3000000");
  });

  test(`${title}: run -it has a terminal with one stream`, async () => {
    const { client, isolated } = await session(way);
    const script = "tty; echo to-stderr >&2; exit 3";
    const words = ["run", "--rm", "-it", ...isolated, "busybox", "sh", "-c", script];
    const result = await client.onTerminal(words);
    assert.match(result.stdout.toString(), /\/dev\/(pts\/\d+|console)\r\nto-stderr\r\n/);
    assert.equal(result.code, 3);
  });

  test(`${title}: logs serve tail, since, timestamps, details and follow to the end`, async () => {
    const { client, isolated } = await session(way);
    const name = `logs-${way.age}-${way.isolation}`;
    const script = "for n in 1 2 3; do echo line $n; done; echo bad >&2; sleep 1; echo last";
    const command = ["busybox", "sh", "-c", script];
    await client.docker("run", "-d", "--name", name, ...isolated, ...command);
    const followed = await client.succeed(["logs", "-f", name]);
    assert.equal(followed.stdout.toString(), "line 1\nline 2\nline 3\nlast\n");
    assert.equal(followed.stderr, "bad\n");
    assert.equal(await client.docker("logs", "--tail", "1", name), "last\n");
    const stamped = await client.docker("logs", "--timestamps", "--tail", "1", name);
    assert.match(stamped, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z last\n$/);
    const [time = ""] = stamped.split(" ");
    assert.equal(await client.docker("logs", "--since", time, name), "last\n");
    const before = (await client.succeed(["logs", "--until", time, name])).stdout.toString();
    assert.match(before, /^line 1\nline 2\nline 3\n/);
    await client.docker("rm", "-v", name);
  });

  test(`${title}: exec passes code, environment, folder, user and input`, async () => {
    const { client, isolated } = await session(way);
    const name = `exec-${way.age}-${way.isolation}`;
    await client.docker("run", "-d", "--name", name, ...isolated, "busybox", "sleep", "1000");
    const script = "echo $FRUIT; pwd; id -u; id -g; exit 9";
    const options = ["-e", "FRUIT=pear", "-w", "/tmp", "-u", "33:8"];
    const told = await client.attempt(["exec", ...options, name, "sh", "-c", script]);
    assert.equal(told.stdout.toString(), "pear\n/tmp\n33\n8\n");
    assert.equal(told.code, 9);
    const echoed = await client.succeed(["exec", "-i", name, "cat"], { input: "through\n" });
    assert.equal(echoed.stdout.toString(), "through\n");
    assert.equal(await client.docker("exec", "-d", name, "touch", "/tmp/detached"), "");
    const terminal = await client.onTerminal(["exec", "-it", name, "sh", "-c", "tty; stty size"]);
    assert.match(terminal.stdout.toString(), /\/dev\/pts\/\d+\r\n/);
    assert.equal((await client.attempt(["exec", name, "no-such-program"])).code, 127);
    await client.docker("rm", "-f", name);
    const gone = await client.attempt(["exec", name, "true"]);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, new RegExp(`No such container: ${name}`));
  });

  test(`${title}: a stopped container refuses exec, and start -ai runs it again`, async () => {
    const { client, isolated } = await session(way);
    const name = `again-${way.age}-${way.isolation}`;
    const command = ["busybox", "sh", "-c", "read line; echo got $line; exit 5"];
    await client.docker("create", "-i", "--name", name, ...isolated, ...command);
    for (const word of ["first", "second"]) {
      const result = await client.attempt(["start", "-ai", name], { input: `${word}\n` });
      assert.equal(result.stdout.toString(), `got ${word}\n`);
      assert.equal(result.code, 5);
    }
    const refused = await client.attempt(["exec", name, "true"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /container [0-9a-f]{64} is not running/);
    await client.docker("rm", name);
  });

  test(`${title}: attach follows a running container and ends with its exit code`, async () => {
    const { client, isolated } = await session(way);
    const name = `attach-${way.age}-${way.isolation}`;
    const script = "while ! test -e /go; do echo waits; sleep 0.1; done; echo went; exit 7";
    await client.docker("run", "-d", "--name", name, ...isolated, "busybox", "sh", "-c", script);
    const attached = client.follow(["attach", "--no-stdin", name]);
    await attached.said("waits\n");
    await client.docker("exec", name, "touch", "/go");
    const { code, text } = await attached.ended;
    assert.match(text, /^(waits\n)+went\n$/);
    assert.equal(code, 7);
    await client.docker("rm", name);
  });

  test(`${title}: detach keys leave the container running`, async () => {
    const { client, isolated } = await session(way);
    const name = `keys-${way.age}-${way.isolation}`;
    const words = ["run", "-it", "--detach-keys", "a,b", "--name", name, ...isolated];
    const result = await client.onTerminal([...words, "busybox", "cat"], "ab");
    assert.match(result.stdout.toString(), /read escape sequence|^(?!.*rror)/);
    assert.equal(
      await client.docker("ps", "-q", "--filter", `name=${name}`).then((t) => t !== ""),
      true,
    );
    await client.docker("rm", "-f", name);
  });
}
