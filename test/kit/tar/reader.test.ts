import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isDuetError } from "../../../src/kit/errors.ts";
import { temporaryFolder } from "../../native/rootfs/binary.ts";
import { archiveOf, inChunks, rawExtended, readAll, withChecksum } from "./samples.ts";
import { readTar } from "../../../src/kit/tar/reader.ts";
import { tarHeader } from "../../../src/kit/tar/writer.ts";

const file = archiveOf([{ kind: "file", name: "f", data: "hello" }]);

function invalid(error: unknown): boolean {
  return isDuetError(error, "corrupt") && error.code === "TAR_INVALID";
}

function makeTree(folder: string): void {
  execFileSync(
    "sh",
    [
      "-c",
      `
    mkdir -p d/sub && cd d && echo hi > a && ln a hard && ln -s a sym && mkfifo fifo && mknod dev c 1 3
    truncate -s 3M sparse && printf data | dd of=sparse bs=1 seek=1500000 conv=notrunc status=none
    printf more | dd of=sparse bs=1 seek=200 conv=notrunc status=none
    l=$(printf 'l%.0s' $(seq 200)); : > "$l"; mkdir -p "$l.d/$l"; ln -s "$l.d/$l" long
    : > "$(printf 'n\\377\\376')"; touch -d '2020-01-01T00:00:00.123456789Z' sub; touch -d '1960-01-01T00:00:00.5Z' a
    touch -d '2001-02-03T04:05:06Z' sparse
  `,
    ],
    { cwd: folder },
  );
}

for (const [name, options] of [
  ["old GNU", ["--format=oldgnu", "--sparse"]],
  ["GNU", ["--format=gnu", "--sparse"]],
  ["PAX with sparse 0.0", ["--format=pax", "--sparse", "--sparse-version=0.0"]],
  ["PAX with sparse 0.1", ["--format=pax", "--sparse", "--sparse-version=0.1"]],
  ["PAX with sparse 1.0", ["--format=pax", "--sparse", "--sparse-version=1.0"]],
] as const) {
  test(`reads GNU tar's ${name} archives as GNU tar wrote them`, async (context) => {
    const folder = temporaryFolder(context);
    makeTree(folder);
    execFileSync("tar", [...options, "--sort=name", "-cf", "t.tar", "d"], { cwd: folder });
    const archive = readFileSync(`${folder}/t.tar`);
    const whole = await readAll(archive);
    const listed = execFileSync("tar", ["-tf", "t.tar", "--quoting-style=literal"], {
      cwd: folder,
    });
    const names = whole.map(({ entry }) =>
      Buffer.concat([entry.name, Buffer.from(entry.kind === "directory" ? "/\n" : "\n")]),
    );
    assert.deepEqual(Buffer.concat(names), listed);
    const by = new Map(whole.map((seen) => [seen.entry.name.toString("latin1"), seen]));
    const sparse = by.get("d/sparse")!;
    assert.deepEqual(sparse.content, readFileSync(`${folder}/d/sparse`));
    assert.ok(sparse.entry.sparse !== null && sparse.entry.sparse.length >= 2);
    assert.equal(by.get("d/long")!.entry.linkName.length, 403);
    assert.equal(by.get("d/hard")!.entry.linkName.toString(), "d/a");
    assert.equal(by.get("d/dev")!.entry.deviceMinor, 3);
    assert.equal(by.get("d/sparse")!.entry.modifiedSeconds, 981_173_106);
    if (name.startsWith("PAX")) {
      assert.equal(by.get("d/sub")!.entry.modifiedNanoseconds, 123_456_789);
      assert.equal(by.get("d/a")!.entry.modifiedSeconds, -315_619_200);
      assert.equal(by.get("d/a")!.entry.modifiedNanoseconds, 500_000_000);
    }
    const pieces = await readAll(archive, 333);
    assert.deepEqual(
      pieces.map(({ entry, content }) => [entry.name, content]),
      whole.map(({ entry, content }) => [entry.name, content]),
    );
  });
}

test("skips the content of members that nobody reads", async () => {
  const archive = archiveOf([
    { kind: "file", name: "a", data: "x".repeat(5_000) },
    { kind: "file", name: "b", data: "y" },
  ]);
  const names: string[] = [];
  for await (const entry of readTar(inChunks(archive, 100))) names.push(entry.name.toString());
  assert.deepEqual(names, ["a", "b"]);
});

test("a global header and a slash after a file's name mean what they mean to Docker", async () => {
  const seen = await readAll(
    Buffer.concat([
      rawExtended("g", "12 mtime=77\n10 uid=77\n"),
      archiveOf([{ kind: "file", name: "f/", data: "text", modifiedSeconds: 5 }]),
    ]),
  );
  assert.deepEqual(
    seen.map(({ entry }) => [entry.kind, entry.uid, entry.modifiedSeconds, entry.size]),
    [["file", 0, 5, 4]],
  );
});

const hostile: readonly [string, Buffer][] = [
  ["a repeated PAX key", Buffer.concat([rawExtended("x", "9 path=a\n9 path=b\n"), file])],
  [
    "two PAX headers for one member",
    Buffer.concat([rawExtended("x", "9 path=a\n"), rawExtended("x", "9 path=b\n"), file]),
  ],
  ["a PAX length with a sign", Buffer.concat([rawExtended("x", "+9 path=a\n"), file])],
  ["a PAX length that is too long", Buffer.concat([rawExtended("x", "99 path=a\n"), file])],
  ["a PAX record without a newline", Buffer.concat([rawExtended("x", "9 path=ab"), file])],
  ["a PAX record without a key", Buffer.concat([rawExtended("x", "5 =a\n"), file])],
  ["a PAX size that is negative", Buffer.concat([rawExtended("x", "11 size=-1\n"), file])],
  ["a PAX path with a NUL", Buffer.concat([rawExtended("x", "11 path=a\0b\n"), file])],
  ["a global path", Buffer.concat([rawExtended("g", "9 path=a\n"), file])],
  [
    "two names that differ",
    Buffer.concat([rawExtended("L", "one\0"), rawExtended("x", "12 path=two\n"), file]),
  ],
  ["a long name with something after its NUL", Buffer.concat([rawExtended("L", "one\0two"), file])],
  [
    "an extended header without a member",
    Buffer.concat([rawExtended("x", "9 path=a\n"), Buffer.alloc(1024)]),
  ],
  ["something that is no tar", Buffer.from("hello world ".repeat(100))],
  ["an archive that ends in a header", file.subarray(0, 300)],
  ["an archive that ends in a file", file.subarray(0, 514)],
  ["garbage after the end", Buffer.concat([file, Buffer.from("x")])],
  ["an empty name", archiveOf([{ kind: "file", name: "", data: "" }])],
  ["a symlink with content", brokenHeader((block) => block.write("2", 156, "latin1"))],
  ["a type that nobody knows", brokenHeader((block) => block.write("Q", 156, "latin1"))],
  ["a size that is not octal", brokenHeader((block) => block.write("9", 134, "latin1"))],
  ["a size over 2⁵³", brokenHeader((block) => block.fill(0x7f, 125, 136).writeUInt8(0x80, 124))],
  ["a negative size", brokenHeader((block) => block.fill(0xff, 124, 136))],
  [
    "a sparse map that does not fit",
    Buffer.concat([
      rawExtended("x", record("GNU.sparse.map", "0,9") + record("GNU.sparse.size", "5")),
      file,
    ]),
  ],
  [
    "a sparse map that goes back",
    Buffer.concat([
      rawExtended("x", record("GNU.sparse.map", "4,1,0,4") + record("GNU.sparse.size", "5")),
      file,
    ]),
  ],
];

function record(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  const length = body.length + String(body.length + 2).length;
  return `${length}${body}`;
}

function brokenHeader(change: (block: Buffer) => unknown): Buffer {
  const archive = Buffer.from(file);
  change(archive);
  withChecksum(archive);
  return archive;
}

for (const [name, archive] of hostile) {
  test(`refuses ${name} (A15, A19)`, async () => {
    await assert.rejects(readAll(archive), invalid);
    await assert.rejects(readAll(archive, 7), invalid);
  });
}

test("refuses extended headers over a mebibyte before reading them (A14)", async () => {
  const block = Buffer.from(
    tarHeader({ kind: "file", name: Buffer.from("x"), mode: 0, size: 4 * 2 ** 30 }),
  );
  for (const type of ["x", "L", "K", "g"]) {
    block.write(type, 156, "latin1");
    await assert.rejects(readAll(withChecksum(block)), (error) => isDuetError(error, "too-large"));
  }
});

test("bounds the regions of a sparse file and the logical size of all files (A12)", async () => {
  const map = Array.from({ length: 70_000 }, (_, index) => `${index * 2},0`).join(",");
  const bomb = Buffer.concat([
    rawExtended("x", record("GNU.sparse.map", map) + record("GNU.sparse.size", "200000")),
    archiveOf([{ kind: "file", name: "f" }]),
  ]);
  await assert.rejects(readAll(bomb), (error) => isDuetError(error, "too-large"));
  const huge = Buffer.concat([
    rawExtended("x", record("GNU.sparse.map", "0,5") + record("GNU.sparse.size", String(2 ** 50))),
    file,
  ]);
  await assert.rejects(readAll(huge), (error) => isDuetError(error, "too-large"));
});

test("bounds the number of members (A18)", async () => {
  const many = archiveOf([1, 2, 3].map((number) => ({ kind: "file", name: `f${number}` })));
  await assert.rejects(readAll(many, 512, { entries: 2 }), (error) =>
    isDuetError(error, "too-large"),
  );
});
