import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContextEntry } from "../../../src/domain/build/files.ts";
import { never } from "../../../src/kit/abort.ts";
import type { Sparse } from "../../../src/kit/grpc/encode.ts";
import { twoWay } from "../../../src/kit/grpc/server.ts";
import { receiveFolder } from "../../../src/servers/buildkit/session/receive.ts";
import type { Session } from "../../../src/servers/buildkit/session/session.ts";
import { fileSync, packetTypes, type Packet } from "../../../src/spec/buildkit/file-sync.ts";
import { GrpcPair } from "../../kit/grpc/pair.ts";

const folder = 2 ** 31 + 0o755;
const link = 2 ** 27 + 0o777;

type Answers = (requests: AsyncIterable<Packet>) => AsyncIterable<Sparse<Packet>>;

/** What the daemon takes of a client that answers so: entries, and contents by path. */
async function receive(
  answers: Answers,
  needed?: (entry: ContextEntry) => boolean,
): Promise<Map<string, string>> {
  await using pair = await GrpcPair.of(twoWay(fileSync, answers));
  const session: Session = {
    ...{ id: "s", sharedKey: "", client: pair.client, signal: never },
    offers: () => true,
  };
  const found = new Map<string, string>();
  await receiveFolder(
    session,
    { name: "context", exclude: [], follow: [] },
    {
      begin: async (entries) =>
        entries.filter(
          needed ?? (({ mode, link }) => (mode & 0o170000) === 0o100000 && link.length === 0),
        ),
      file: async (entry, content) => {
        const parts: Buffer[] = [];
        for await (const part of content) parts.push(part);
        found.set(entry.path.toString(), Buffer.concat(parts).toString());
      },
      end: async () => undefined,
    },
    () => undefined,
    never,
  );
  return found;
}

type Entry = readonly [path: string, mode?: number, size?: number, link?: string];

function stat([path, mode = 0o644, size = 0, target = ""]: Entry): Sparse<Packet> {
  return {
    type: packetTypes.stat,
    stat: { path: Buffer.from(path), mode, size, link: Buffer.from(target) },
  };
}

/** A client that tells of the entries, and gives `contents` by place when asked. */
function honest(entries: readonly Entry[], contents: readonly string[]): Answers {
  return async function* (requests) {
    for (const entry of entries) yield stat(entry);
    yield { type: packetTypes.stat };
    for await (const { type, id } of requests) {
      if (type === packetTypes.end) break;
      const data = Buffer.from(contents[id] ?? "");
      if (data.length > 0) yield { type: packetTypes.data, id, data };
      yield { type: packetTypes.data, id };
    }
    yield { type: packetTypes.end };
  };
}

test("a folder is received: contents by number, empty files too", async () => {
  const entries: Entry[] = [
    ["a", 0o644, 3],
    ["d", folder],
    ["d/b", 0o600, 0],
    ["l", link, 0, "a"],
  ];
  const found = await receive(honest(entries, ["abc"]));
  assert.deepEqual(
    [...found],
    [
      ["a", "abc"],
      ["d/b", ""],
    ],
  );
});

test("a file that grew since the client looked is taken as it came", async () => {
  assert.deepEqual([...(await receive(honest([["a", 0o644, 1]], ["abc"])))], [["a", "abc"]]);
});

const paths: readonly (readonly [what: string, ...entries: Entry[]])[] = [
  ["an absolute path", ["/etc/passwd"]],
  ["a way up", ["a", folder], ["a/../../x"]],
  ["the folder above", [".."]],
  ["the folder itself", ["."]],
  ["an empty name", [""]],
  ["an empty part", ["a", folder], ["a//b"]],
  ["a NUL", ["a\0b"]],
  ["a path twice", ["a"], ["a"]],
  ["a file before its folder", ["d/x"]],
  ["a file below a file", ["a"], ["a/b"]],
  ["a file below a link", ["l", link, 0, "/"], ["l/etc"]],
  ["a hard link to what is not there", ["a", 0o644, 0, "elsewhere"]],
  ["a hard link to a folder", ["d", folder], ["x", 0o644, 0, "d"]],
  ["a path of over 4096 bytes", ["x".repeat(5000)]],
];

for (const [what, ...entries] of paths) {
  test(`${what} is refused before any content is asked for`, async () => {
    await assert.rejects(receive(honest(entries, [])), { code: "CONTEXT_INVALID" });
  });
}

const protocols: readonly (readonly [what: string, answers: Answers, refusal: RegExp])[] = [
  [
    "content that nobody asked for",
    async function* () {
      yield stat(["a", 0o644, 1]);
      yield { type: packetTypes.stat };
      yield { type: packetTypes.data, id: 7, data: Buffer.from("x") };
    },
    /that nobody asked for/,
  ],
  [
    "content before the end of the list",
    async function* () {
      yield { type: packetTypes.data, id: 0, data: Buffer.from("x") };
    },
    /before the end of its list/,
  ],
  [
    "an error of its own",
    async function* () {
      yield { type: packetTypes.error, data: Buffer.from("disk on fire") };
    },
    /error from sender: disk on fire/,
  ],
  [
    "an end in the middle",
    async function* () {
      yield stat(["a", 0o644, 1]);
    },
    /too few/,
  ],
  [
    "more than it said, without end",
    async function* () {
      yield stat(["a", 0o644, 1]);
      yield { type: packetTypes.stat };
      for (;;) yield { type: packetTypes.data, id: 0, data: Buffer.alloc(1 << 20) };
    },
    /larger than it said/,
  ],
  [
    "more of a large file than it said",
    async function* () {
      yield stat(["a", 0o644, 5 << 20]);
      yield { type: packetTypes.stat };
      for (;;) yield { type: packetTypes.data, id: 0, data: Buffer.alloc(1 << 20) };
    },
    /changed while it was sent/,
  ],
];

for (const [what, answers, refusal] of protocols) {
  test(`a client that sends ${what} fails the build, and nothing else`, async () => {
    await assert.rejects(receive(answers), refusal);
  });
}
