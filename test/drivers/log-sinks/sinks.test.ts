import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import type { LogEntry, LogSource } from "../../../src/domain/log-sink.ts";
import { journalMessage } from "../../../src/drivers/log-sinks/journald.ts";
import { createLogSinks } from "../../../src/drivers/log-sinks/log-sinks.ts";
import { never } from "../../../src/kit/abort.ts";
import { run } from "../../../src/kit/subprocess.ts";

const sinks = createLogSinks();
const source: LogSource = {
  id: "4cb46e85e401".padEnd(64, "0"),
  name: "web",
  imageId: `sha256:${"8".repeat(64)}`,
  imageName: "busybox",
  command: "sh -c true",
  createdAt: 1_795_450_444_120,
  tag: "web",
  attributes: new Map([["com.x", "label"]]),
};
const time = "2026-11-23T16:14:04.2251069Z";
const entry = (text: string, stream: LogEntry["stream"] = "stdout"): LogEntry => ({
  stream,
  time,
  data: Buffer.from(text),
});

/** A server that keeps what comes, and its port. */
async function tcpServer(context: TestContext) {
  const received: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("data", (data) => received.push(data));
    socket.on("error", () => undefined);
    socket.on("end", () => server.emit("finished"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  return { server, received, port: (server.address() as AddressInfo).port };
}

/** What a driver sends over TCP for some lines. */
async function sentOver(
  context: TestContext,
  driver: string,
  options: (port: number) => Record<string, string>,
  entries: readonly LogEntry[],
  from: LogSource = source,
): Promise<Buffer> {
  const { server, received, port } = await tcpServer(context);
  const finished = once(server, "finished");
  const sink = await sinks.open(driver, options(port), from, never);
  await sink.send(entries, never);
  await sink[Symbol.asyncDispose]();
  await finished;
  return Buffer.concat(received);
}

const syslogAt = (more: Record<string, string>) => (port: number) => ({
  "syslog-address": `tcp://127.0.0.1:${port}`,
  ...more,
});

test("syslog's forms are Docker's, with each line's own time", async (context) => {
  const lines = [entry("out"), entry("err", "stderr")];
  const date = new Date(time);
  const clock = date.toTimeString().slice(0, 8);
  const day = String(date.getDate()).padStart(2, " ");
  const { pid } = process;
  const plain = await sentOver(context, "syslog", syslogAt({}), lines);
  assert.equal(
    plain.toString(),
    `<30>Nov ${day} ${clock} web[${pid}]: out\n<27>Nov ${day} ${clock} web[${pid}]: err\n`,
  );
  const old = await sentOver(context, "syslog", syslogAt({ "syslog-format": "rfc3164" }), [
    lines[0]!,
  ]);
  assert.equal(old.toString(), `<30>Nov ${day} ${clock} ${hostname()} web[${pid}]: out\n`);
  const micro = { "syslog-format": "rfc5424micro", "syslog-facility": "local7" };
  const fresh = await sentOver(context, "syslog", syslogAt(micro), [lines[0]!]);
  assert.match(
    fresh.toString(),
    new RegExp(
      `^<190>1 \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:04\\.225106(Z|[+-]\\d\\d:\\d\\d) ${hostname()} web ${pid} web - out\\n$`,
    ),
  );
});

test("an empty line is no message of syslog or gelf", async (context) => {
  const lines = [entry(""), entry("out"), entry("", "stderr")];
  const plain = await sentOver(context, "syslog", syslogAt({}), lines);
  assert.match(plain.toString(), /^[^\n]+: out\n$/);
  const gelf = (port: number) => ({ "gelf-address": `tcp://127.0.0.1:${port}` });
  const sent = await sentOver(context, "gelf", gelf, lines);
  assert.match(sent.toString(), /^[^\0]+"short_message":"out"[^\0]+\0$/);
  assert.deepEqual(await sentOver(context, "syslog", syslogAt({}), [entry("")]), Buffer.alloc(0));
});

test("a tag neither ends a message of syslog nor makes fields of its own", async (context) => {
  const evil = { ...source, tag: "a\n<1>evil b" };
  const plain = await sentOver(context, "syslog", syslogAt({}), [entry("out")], evil);
  assert.match(plain.toString(), /^<30>\w{3} [ \d]\d [\d:]{8} a_<1>evil b\[\d+\]: out\n$/);
  const form = syslogAt({ "syslog-format": "rfc5424" });
  const fields = await sentOver(context, "syslog", form, [entry("out")], evil);
  assert.match(fields.toString(), /^<30>1 \S+ \S+ a_<1>evil_b \d+ a_<1>evil_b - out\n$/);
});

test("a field of the journal with a line's end goes with its length, and labels stand for none of Docker's", () => {
  const own = new Map([["CONTAINER_TAG", "a\nCONTAINER_NAME=other"]]);
  const part = { id: "p", ordinal: 2, last: true };
  const message = journalMessage({ ...entry("x\rPRIORITY=0"), part }, own, 7).toString("latin1");
  assert.equal(
    message,
    [
      "PRIORITY=6\nMESSAGE=x\rPRIORITY=0\n",
      "CONTAINER_TAG\n\x16\0\0\0\0\0\0\0a\nCONTAINER_NAME=other\n",
      `SYSLOG_TIMESTAMP=${time}\nCONTAINER_LOG_ORDINAL=7\n`,
      "CONTAINER_PARTIAL_MESSAGE=true\nCONTAINER_PARTIAL_ID=p\n",
      "CONTAINER_PARTIAL_ORDINAL=2\nCONTAINER_PARTIAL_LAST=true\n",
    ].join(""),
  );
});

const datagramServer = `
import json, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print(json.dumps("bound"), flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    print(json.dumps(server.recv(65536).decode()), flush=True)
`;

test("a socket of datagrams that takes nothing for a while gets everything, in order", async (context) => {
  const folder = await mkdtemp("/tmp/duet-datagrams-");
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "log");
  const reader = spawn("python3", ["-c", datagramServer, path, "2000"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  context.after(() => void reader.kill());
  const said = createInterface(reader.stdout)[Symbol.asyncIterator]();
  await said.next();
  const address = { "syslog-address": `unixgram://${path}` };
  const sink = await sinks.open("syslog", address, source, never);
  const sent = sink.send(
    Array.from({ length: 2_000 }, (_, index) => entry(`line ${index}`)),
    never,
  );
  reader.stdin.write("\n");
  for (let index = 0; index < 2_000; index += 1) {
    const { value } = await said.next();
    assert.match(JSON.parse(value as string) as string, new RegExp(`: line ${index}\n$`));
  }
  await sent;
  await sink[Symbol.asyncDispose]();
});

test("gelf over TCP is JSON that ends with a zero, and labels stand for none of its own fields", async (context) => {
  const forged = {
    ...source,
    attributes: new Map([
      ["container_name", "other"],
      ["y", "1"],
    ]),
  };
  const options = (port: number) => ({ "gelf-address": `tcp://127.0.0.1:${port}` });
  const sent = await sentOver(context, "gelf", options, [entry('a"\0}')], forged);
  assert.equal(sent.at(-1), 0);
  const message: unknown = JSON.parse(sent.subarray(0, -1).toString());
  assert.deepEqual(message, {
    ...{ version: "1.1", host: hostname(), short_message: 'a"\0}', level: 6 },
    ...{ timestamp: 1_795_450_444.225, _y: "1", _command: "sh -c true", _tag: "web" },
    ...{ _container_id: source.id, _container_name: "web", _image_name: "busybox" },
    ...{ _created: "2026-11-23T16:14:04.120Z", _image_id: source.imageId },
  });
});

test("gelf over UDP is compressed, and what fits no datagram comes in chunks", async (context) => {
  const server = createSocket("udp4");
  context.after(() => void server.close());
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const received: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  server.on("message", (datagram) => {
    received.push(datagram);
    if (received.length === 1 + received[0]![11]! || datagram[0] === 0x1f) resolve();
  });
  const address = { "gelf-address": `udp://127.0.0.1:${server.address().port}` };
  const sink = await sinks.open("gelf", address, source, never);
  const text = Array.from({ length: 3_000 }, (_, index) => (index * 7_919).toString(36)).join("");
  await sink.send([entry(text), entry("short")], never);
  await promise;
  const chunks = received.filter((datagram) => datagram[0] === 0x1e);
  const ordered = chunks.toSorted((one, other) => one[10]! - other[10]!);
  assert.ok(chunks.length > 1);
  assert.equal(chunks.length, chunks[0]![11]);
  const whole = gunzipSync(Buffer.concat(ordered.map((chunk) => chunk.subarray(12))));
  assert.equal((JSON.parse(whole.toString()) as { short_message: string }).short_message, text);
  await sink[Symbol.asyncDispose]();
});

test("fluentd is told in the forward protocol", async (context) => {
  const options = (port: number) => ({ "fluentd-address": `127.0.0.1:${port}` });
  const sent = await sentOver(context, "fluentd", options, [entry("out")]);
  const text = (value: string) =>
    value.length < 32
      ? [Buffer.from([0xa0 | value.length]), Buffer.from(value)]
      : [Buffer.from([0xd9, value.length]), Buffer.from(value)];
  const seconds = Buffer.from([0xce, 0, 0, 0, 0]);
  seconds.writeUInt32BE(1_795_450_444, 1);
  const record = ["com.x", "label", "container_id", source.id, "container_name", "/web"];
  const words = [...record, "source", "stdout", "log", "out"].flatMap(text);
  const expected = [[0x94], ...text("web"), seconds, [0x85], ...words, [0x80]];
  assert.deepEqual(sent, Buffer.concat(expected.map((part) => Buffer.from(part))));
});

test("a socket whose path leads nowhere is refused at create, whatever keeps it from being there", () => {
  for (const [place, why] of [
    ["/nowhere/at/all", "no such file or directory"],
    [`${import.meta.filename}/log`, "not a directory"],
    ["/" + "a".repeat(300), "name too long"],
  ] as const) {
    const options = { "syslog-address": `unix://${place}` };
    assert.throws(() => sinks.check("syslog", options), {
      code: "LOG_OPTION",
      message: `stat ${place}: ${why}`,
    });
  }
});

test("a destination that nobody serves is told in Docker's words", async (context) => {
  const { port: served } = await tcpServer(context);
  // The port of a connection's other end stays taken, and nobody listens there.
  const client = connect(served, "127.0.0.1");
  context.after(() => void client.destroy());
  await once(client, "connect");
  const port = client.localPort!;
  await assert.rejects(sinks.open("syslog", syslogAt({})(port), source, never), {
    message: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
  });
});

test("a destination by name is what the host's resolver says, by IPv6, too", async (context) => {
  const folder = await mkdtemp("/tmp/duet-hosts-");
  context.after(() => rm(folder, { recursive: true }));
  const hosts = join(folder, "hosts");
  await writeFile(hosts, "::1 six.example\n");
  const enter = 'mount --bind "$1" /etc/hosts && ip link set lo up && shift && exec "$@"';
  const program = [process.execPath, join(import.meta.dirname, "by-name.ts"), "six.example"];
  const words = ["--mount", "--net", "--", "sh", "-c", enter, "sh", hosts, ...program];
  const { stdout } = await run("unshare", words, { signal: AbortSignal.timeout(60_000) });
  assert.match(stdout.toString(), /^<30>.*: out\n.*"short_message":"out"/s);
});
