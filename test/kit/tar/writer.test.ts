import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { never } from "../../../src/kit/abort.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { readTar } from "../../../src/kit/tar/reader.ts";
import { tarHeader, writeTar } from "../../../src/kit/tar/writer.ts";
import { temporaryFolder } from "../../native/rootfs/binary.ts";
import { archiveOf, readAll } from "./samples.ts";

const nameBytes = fc
  .uint8Array({ minLength: 1, maxLength: 300 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))));

test("gives back whatever names, owners, times and attributes it was given", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record(
        {
          name: nameBytes,
          uid: fc.nat(0xfffffffe),
          gid: fc.nat(0xfffffffe),
          mode: fc.nat(0o7777),
          modifiedSeconds: fc.integer({ min: -(2 ** 33), max: 2 ** 34 }),
          modifiedNanoseconds: fc.nat(999_999_999),
          data: fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes)),
          attributes: fc.uniqueArray(
            fc.record(
              {
                name: fc
                  .stringMatching(/^user\.[a-z=]{1,20}$/)
                  .map((text) => Buffer.from(text.replaceAll("=", "-"))),
                value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
              },
              { noNullPrototype: true },
            ),
            { maxLength: 3, selector: ({ name }) => name.toString() },
          ),
        },
        { noNullPrototype: true },
      ),
      async ({ data, ...header }) => {
        const [seen] = await readAll(archiveOf([{ kind: "file", ...header, data }]), 700);
        const { name, uid, gid, mode, modifiedSeconds, modifiedNanoseconds, attributes } =
          seen!.entry;
        assert.deepEqual(
          { name, uid, gid, mode, modifiedSeconds, modifiedNanoseconds, attributes },
          header,
        );
        assert.deepEqual(seen!.content, data);
      },
    ),
    { numRuns: 300 },
  );
});

test("GNU tar lists what it writes with the same names", (context) => {
  const folder = temporaryFolder(context);
  const long = `${"a/".repeat(80)}${"b".repeat(120)}`;
  const samples = [
    { kind: "directory", name: "d" },
    { kind: "file", name: "d/n\u00e9", data: "x" },
    { kind: "file", name: long, data: "y" },
    { kind: "symlink", name: "s", linkName: "t".repeat(300) },
    {
      kind: "file",
      name: "big-owner",
      uid: 3_000_000_000,
      modifiedSeconds: 5,
      modifiedNanoseconds: 7,
    },
  ] as const;
  writeFileSync(`${folder}/t.tar`, archiveOf(samples));
  const listed = execFileSync("tar", ["-tf", "t.tar", "--quoting-style=literal"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.deepEqual(listed.trim().split("\n"), ["d/", ...samples.slice(1).map(({ name }) => name)]);
  const detail = execFileSync("tar", ["-tvf", "t.tar", "--numeric-owner", "--full-time"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.match(detail, /3000000000\/0 .*1970-01-01 00:00:05(\.0+7)? big-owner/);
});

test("refuses content that is not as long as its header says", async () => {
  const member = {
    header: { kind: "file", name: Buffer.from("f"), mode: 0, size: 3 },
    content: Buffer.from("four"),
  } as const;
  await assert.rejects(async () => {
    for await (const part of writeTar([member])) void part;
  }, RangeError);
});

test("a size of 8 GiB and more needs no PAX header, where it is to be told in the header itself", async (context) => {
  const path = join(temporaryFolder(context), "large.tar");
  const size = 9 * 2 ** 30 + 5;
  const header = { kind: "file", name: Buffer.from("large"), mode: 0o644, size } as const;
  const block = tarHeader(header, "base-256");
  assert.equal(block.length, 512);
  await writeFile(path, block);
  await truncate(path, 512 + Math.ceil(size / 512) * 512 + 1_024);
  const { stdout } = await run("tar", ["-tvf", path], { signal: never });
  assert.match(stdout.toString(), new RegExp(` ${size} .* large\n$`));
  const start = (async function* () {
    yield block;
    yield Buffer.alloc(1 << 20);
  })();
  const limits = { entries: 1, totalSize: 2 ** 40 };
  const first = await readTar(start, limits)[Symbol.asyncIterator]().next();
  assert.equal(first.value?.size, size);
});
