import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { mkdtemp, open, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { newObjectId } from "../../src/domain/identity.ts";
import type { LogReader } from "../../src/domain/log-reader.ts";
import type { LogSource } from "../../src/domain/log-sink.ts";
import { createLogSinks } from "../../src/drivers/log-sinks/log-sinks.ts";
import { createLogReader } from "../../src/drivers/logs/json-file.ts";
import { LogShipment } from "../../src/engine/containers/log-shipment.ts";
import { never } from "../../src/kit/abort.ts";
import { createLog, type LogEvent } from "../../src/kit/log.ts";

const limit = 64 << 10;
const source: LogSource = {
  ...{ id: "4".repeat(64), name: "web", imageId: "sha256:8", imageName: "busybox" },
  ...{ command: "sh", createdAt: 0, tag: "web", attributes: new Map() },
};

/** Sends `texts` as the log of a run that has ended to a syslog that reads nothing before all of them were offered. */
async function shipToSleeper(context: TestContext, texts: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "duet-shipment-"));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "log.json");
  const time = (at: number): string => new Date(Date.UTC(2026, 0, 1) + at).toISOString();
  const line = (text: string, at: number): string =>
    JSON.stringify({ log: `${text}\n`, stream: "stdout", time: time(at) });
  await writeFile(path, `${texts.map(line).join("\n")}\n`);
  const server = createServer({ pauseOnConnect: true }).listen(join(folder, "syslog"));
  await once(server, "listening");
  context.after(() => void server.close());
  const connected = once(server, "connection") as Promise<[Socket]>;
  const options = { "syslog-address": `unix://${join(folder, "syslog")}` };
  const open = () => createLogSinks().open("syslog", options, source, never);
  const { promise: offered, resolve: wake } = Promise.withResolvers<void>();
  const events: LogEvent[] = [];
  const logging = {
    driver: "syslog",
    options: { mode: "non-blocking", "max-buffer-size": `${limit}` },
  };
  const shipped = new LogShipment({
    record: { id: newObjectId(), spec: { logging } },
    ...{ path, directory: folder, ended: Promise.resolve(), open, sink: await open() },
    reader: tellsItsEnd(createLogReader(), wake),
    log: createLog("test", (event) => void events.push(event)),
  }).run(never);
  const [socket] = await connected;
  await offered;
  const received: Buffer[] = [];
  socket.on("data", (data: Buffer) => received.push(data)).resume();
  await Promise.all([shipped, once(socket, "end")]);
  const lines = Buffer.concat(received).toString().split("\n").slice(0, -1);
  const messages = lines.map((text) => text.replace(/^.*?\]: /, ""));
  return { messages, dropped: droppedLines(events) };
}

function droppedLines(events: readonly LogEvent[]): number {
  return events
    .filter(({ event }) => event === "log-lines-dropped")
    .reduce((sum, { fields }) => sum + (fields["lines"] as number), 0);
}

function tellsItsEnd(reader: LogReader, wake: () => void): LogReader {
  return {
    momentOf: (time) => reader.momentOf(time),
    compress: (...words) => reader.compress(...words),
    async *read(...words) {
      yield* reader.read(...words);
      wake();
    },
  };
}

/** Bytes that a socket's two ends hold at most, by Linux's defaults, with much to spare. */
const ofKernel = 1 << 20;

test("without blocking, what a destination does not read is dropped, but never what was taken", async (context) => {
  const texts = Array.from({ length: 60_000 }, (_, at) => `${at} ${"x".repeat(90)}`);
  const { messages, dropped } = await shipToSleeper(context, texts);
  assert.equal(messages.length + dropped, texts.length);
  assert.ok(messages.length * 100 < limit + ofKernel, `${messages.length} lines were kept`);
  const taken = new Set(messages);
  assert.equal(taken.size, messages.length);
  assert.deepEqual(
    messages,
    texts.filter((text) => taken.has(text)),
  );
});

/** A run of which nothing is here but what `parts` say. */
function shipment(
  context: TestContext,
  parts: Pick<ConstructorParameters<typeof LogShipment>[0], "reader" | "open">,
) {
  const directory = mkdtempSync(join(tmpdir(), "duet-shipment-"));
  context.after(() => rm(directory, { recursive: true }));
  const events: LogEvent[] = [];
  const logging = { driver: "syslog", options: { mode: "non-blocking" } };
  const made = new LogShipment({
    ...{ directory, path: join(directory, "log.json"), ended: Promise.resolve(), ...parts },
    record: { id: newObjectId(), spec: { logging } },
    log: createLog("test", (event) => void events.push(event)),
  });
  return { made, events, directory };
}

/** One line, and then what `next` does. */
function oneLine(next: () => void): LogReader {
  const line = {
    stream: "stdout",
    time: "2026-01-01T00:00:00Z",
    data: Buffer.from("x\n"),
  } as const;
  return {
    ...createLogReader(),
    async *read() {
      yield [line];
      next();
    },
  };
}

test("without blocking, empty lines take room as well", async (context) => {
  const { promise: offered, resolve: wake } = Promise.withResolvers<void>();
  const line = {
    stream: "stdout",
    time: "2026-01-01T00:00:00.0Z",
    data: Buffer.from("\n"),
  } as const;
  let taken = 0;
  const { made, events } = shipment(context, {
    reader: {
      ...createLogReader(),
      async *read() {
        for (let batch = 0; batch < 150; batch += 1)
          yield Array.from({ length: 1_000 }, () => line);
        wake();
      },
    },
    open: async () => ({
      send: async (entries) => {
        await offered;
        taken += entries.length;
      },
      [Symbol.asyncDispose]: async () => undefined,
    }),
  });
  await made.run(never);
  assert.equal(taken + droppedLines(events), 150_000);
  assert.ok(taken * line.time.length <= 1 << 20, `${taken} lines were kept`);
});

test("a destination whose connection cannot be closed well fails nothing", async (context) => {
  const sink = {
    send: async () => undefined,
    [Symbol.asyncDispose]: async () => await Promise.reject(new Error("not closed")),
  };
  const { made, events } = shipment(context, {
    reader: oneLine(() => undefined),
    open: async () => sink,
  });
  await made.run(never);
  assert.deepEqual(
    events.map(({ event }) => event),
    ["log-destination-not-closed"],
  );
});

test("how far a log was sent is noted anew beside the old note, which a crash leaves whole", async (context) => {
  const sink = { send: async () => undefined, [Symbol.asyncDispose]: async () => undefined };
  const parts = { reader: oneLine(() => undefined), open: async () => sink };
  const { made, directory } = shipment(context, parts);
  const path = join(directory, "log.sent");
  await writeFile(path, "2025-01-01T00:00:00Z\n");
  await using before = await open(path);
  await made.run(never);
  assert.equal(await readFile(path, "utf8"), "2026-01-01T00:00:00Z\n");
  assert.equal(await before.readFile("utf8"), "2025-01-01T00:00:00Z\n");
  assert.deepEqual(await readdir(directory), ["log.sent"]);
});

test("where the log cannot be read any more, nothing goes on trying to send", async (context) => {
  const { promise: tried, resolve: noteTry } = Promise.withResolvers<AbortSignal>();
  const { made, events } = shipment(context, {
    reader: oneLine(() => {
      throw new Error("a broken disk");
    }),
    open: async (signal) => {
      noteTry(signal);
      throw new Error("nobody is there");
    },
  });
  await made.run(never);
  assert.ok((await tried).aborted);
  assert.ok(events.some(({ event }) => event === "log-not-sent"));
});
