import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import type { LogLine, LogOptions } from "../../../src/domain/log-line.ts";
import { createLogReader } from "../../../src/drivers/logs/json-file.ts";
import { canceled, never } from "../../../src/kit/abort.ts";

const everything: LogOptions = {
  stdout: true,
  stderr: true,
  follow: false,
  since: 0n,
  until: 0n,
  tail: -1,
};

function entry(text: string, second: number, stream = "stdout"): string {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
  return `${JSON.stringify({ log: text, stream, time })}\n`;
}

async function logFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "duet-log-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "log.json");
}

async function collect(
  path: string,
  options: Partial<LogOptions>,
  ended: Promise<void> = Promise.resolve(),
): Promise<string[]> {
  const lines: string[] = [];
  const reader = createLogReader().read(path, { ...everything, ...options }, ended, never);
  for await (const some of reader) lines.push(...some.map(textOf));
  return lines;
}

function textOf({ data }: LogLine): string {
  return Buffer.from(data).toString();
}

test("a log that does not exist has no lines", async (context) => {
  assert.deepEqual(await collect(await logFolder(context), {}), []);
});

test("rotated files are read oldest first", async (context) => {
  const path = await logFolder(context);
  await writeFile(`${path}.2`, entry("a\n", 1));
  await writeFile(`${path}.1`, entry("b\n", 2));
  await writeFile(path, entry("c\n", 3));
  assert.deepEqual(await collect(path, {}), ["a\n", "b\n", "c\n"]);
});

test("tail counts lines over rotated files", async (context) => {
  const path = await logFolder(context);
  await writeFile(`${path}.1`, entry("a\n", 1) + entry("b\n", 2));
  await writeFile(path, entry("c\n", 3) + entry("d\n", 4));
  assert.deepEqual(await collect(path, { tail: 0 }), []);
  assert.deepEqual(await collect(path, { tail: 1 }), ["d\n"]);
  assert.deepEqual(await collect(path, { tail: 3 }), ["b\n", "c\n", "d\n"]);
  assert.deepEqual(await collect(path, { tail: 9 }), ["a\n", "b\n", "c\n", "d\n"]);
});

test("since, until and the choice of streams filter lines", async (context) => {
  const path = await logFolder(context);
  await writeFile(path, entry("a\n", 1) + entry("b\n", 2, "stderr") + entry("c\n", 3));
  const at = (second: number): bigint => BigInt(Date.UTC(2026, 0, 1, 0, 0, second)) * 1_000_000n;
  assert.deepEqual(await collect(path, { since: at(2) }), ["b\n", "c\n"]);
  assert.deepEqual(await collect(path, { until: at(2) }), ["a\n", "b\n"]);
  assert.deepEqual(await collect(path, { stdout: false }), ["b\n"]);
});

test("lines of one millisecond are told apart by their nanoseconds", async (context) => {
  const path = await logFolder(context);
  const times = ["00:00:01.0001Z", "00:00:01.000100001Z", "00:00:01.000100002Z"];
  const lines = times.map((time, index) =>
    JSON.stringify({ log: `${index}\n`, stream: "stdout", time: `2026-01-01T${time}` }),
  );
  await writeFile(path, `${lines.join("\n")}\n`);
  const middle = BigInt(Date.UTC(2026, 0, 1, 0, 0, 1)) * 1_000_000n + 100_001n;
  assert.deepEqual(await collect(path, { since: middle }), ["1\n", "2\n"]);
  assert.deepEqual(await collect(path, { until: middle }), ["0\n", "1\n"]);
});

test("a line cut by a crash is left out and the next ones are read", async (context) => {
  const path = await logFolder(context);
  await writeFile(path, `${entry("a\n", 1).slice(0, 20)}\n${entry("b\n", 2)}`);
  assert.deepEqual(await collect(path, {}), ["b\n"]);
});

test("following gives lines as they are written, across rotation, and ends with the workload", async (context) => {
  const path = await logFolder(context);
  await writeFile(path, entry("a\n", 1));
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const seen: string[] = [];
  const reader = createLogReader().read(path, { ...everything, follow: true }, ended, never);
  for await (const lines of reader) {
    const text = lines.map(textOf).join("");
    seen.push(text);
    if (text === "a\n") await appendFile(path, entry("b\n", 2));
    if (text === "b\n") {
      await rename(path, `${path}.1`);
      await writeFile(path, entry("c\n", 3));
    }
    if (text === "c\n") {
      await appendFile(path, entry("last\n", 4));
      end();
    }
  }
  assert.deepEqual(seen, ["a\n", "b\n", "c\n", "last\n"]);
});

test("an aborted follower ends with the reason", async (context) => {
  const path = await logFolder(context);
  await writeFile(path, entry("a\n", 1));
  const controller = new AbortController();
  const reader = createLogReader().read(
    path,
    { ...everything, follow: true },
    new Promise(() => undefined),
    controller.signal,
  );
  await assert.rejects(async () => {
    for await (const _line of reader) controller.abort(new Error("enough"));
  }, /enough/);
});

test("who does not follow gets what was there, however fast a log grows meanwhile", async (context) => {
  const path = await logFolder(context);
  await writeFile(path, entry("one", 1) + entry("two", 2));
  const lines: string[] = [];
  for await (const some of createLogReader().read(path, everything, Promise.resolve(), never)) {
    lines.push(...some.map(textOf));
    await appendFile(path, entry("late", 3));
  }
  assert.deepEqual(lines, ["one", "two"]);
});

test("a tail has as many lines as were asked for while the log grows and is rotated", async (context) => {
  const path = await logFolder(context);
  await writeFile(path, entry("first\n", 0).repeat(3));
  const over = new AbortController();
  const writing = (async () => {
    for (let count = 0; !over.signal.aborted; count += 1) {
      const line = entry(`${count}\n`, count % 60);
      // A batch of the writer may end within a line.
      await appendFile(path, line.repeat(20) + line.slice(0, 30));
      await appendFile(path, line.slice(30));
      if (count % 20 !== 19) continue;
      await rename(`${path}.1`, `${path}.2`).catch(() => undefined);
      await rename(path, `${path}.1`);
      await writeFile(path, line);
    }
  })();
  const counts = new Set<number>();
  for (let count = 0; count < 200; count += 1)
    counts.add((await collect(path, { tail: 3 })).length);
  over.abort(canceled("enough was read"));
  await writing;
  assert.deepEqual([...counts], [3]);
});

test("what is rotated away is compressed, and read as before, also by who had begun to", async (context) => {
  const path = await logFolder(context);
  const rotate = async (text: string, second: number): Promise<void> => {
    await rename(`${path}.1`, `${path}.2`).catch(() => undefined);
    await rename(path, `${path}.1`).catch(() => undefined);
    await writeFile(path, entry(text, second));
  };
  await writeFile(path, entry("a\n", 1));
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const reader = createLogReader();
  const read = reader.read(path, { ...everything, follow: true }, ended, never);
  const follower = read[Symbol.asyncIterator]();
  const seen: string[] = [];
  const readUntil = async (text: string): Promise<void> => {
    while (!seen.includes(text)) {
      const { value = [] } = await follower.next();
      seen.push(...(value as readonly LogLine[]).map(textOf));
    }
  };
  await readUntil("a\n");
  await rotate("b\n", 2);
  await rotate("c\n", 3);
  await reader.compress(path, Promise.resolve(), never);
  for (const number of [1, 2]) {
    const bytes = await readFile(`${path}.${number}`);
    assert.match(gunzipSync(bytes).toString(), number === 1 ? /"b\\n"/ : /"a\\n"/);
  }
  assert.deepEqual(await collect(path, {}), ["a\n", "b\n", "c\n"]);
  assert.deepEqual(await collect(path, { tail: 2 }), ["b\n", "c\n"]);
  const compressing = reader.compress(path, ended, never);
  await rotate("d\n", 4);
  await readUntil("d\n");
  end();
  await compressing;
  await follower.return?.();
  assert.deepEqual(seen, ["a\n", "b\n", "c\n", "d\n"]);
  assert.deepEqual(
    gunzipSync(await readFile(`${path}.1`))
      .subarray(0, 8)
      .toString(),
    '{"log":"',
  );
  assert.deepEqual((await readdir(dirname(path))).toSorted(), [
    "log.json",
    "log.json.1",
    "log.json.2",
  ]);
});
