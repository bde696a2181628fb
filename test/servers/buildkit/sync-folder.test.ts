import assert from "node:assert/strict";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { ContextStore, ContextTree } from "../../../src/domain/build/files.ts";
import { createBuildFiles } from "../../../src/drivers/build-files/build-files.ts";
import { openContextStore } from "../../../src/drivers/build-files/context-store.ts";
import { never } from "../../../src/kit/abort.ts";
import type { Sparse } from "../../../src/kit/grpc/encode.ts";
import { twoWay } from "../../../src/kit/grpc/server.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { syncFolder } from "../../../src/servers/buildkit/session/context.ts";
import type { Session } from "../../../src/servers/buildkit/session/session.ts";
import { fileSync, packetTypes, type Packet } from "../../../src/spec/buildkit/file-sync.ts";
import { GrpcPair } from "../../kit/grpc/pair.ts";
import { rootfsBinary, temporaryFolder } from "../../native/rootfs/binary.ts";

/** A client's file: what is told of it, and what is sent when it is asked for. */
interface Told {
  readonly size?: number;
  readonly modifiedAt?: bigint;
  readonly content: string;
  /** Go's, with its bit for a folder. */
  readonly mode?: number;
}

const folder: Told = { content: "", mode: 0x8000_0000 + 0o755 };

const files = createBuildFiles({ binary: rootfsBinary });
const name = { key: "key", kind: "source.local", description: "a test's" } as const;

async function storeOf(context: TestContext): Promise<ContextStore> {
  const directory = join(temporaryFolder(context), "contexts");
  return await openContextStore({ directory, binary: rootfsBinary, log: silentLog });
}

/** Brings a tree up to what a client tells, and says which files were asked for. */
async function sync(
  tree: ContextTree,
  folder: Readonly<Record<string, Told>>,
): Promise<readonly string[]> {
  const paths = Object.keys(folder);
  const asked: string[] = [];
  async function* answers(requests: AsyncIterable<Packet>): AsyncIterable<Sparse<Packet>> {
    for (const [path, told] of Object.entries(folder)) {
      const { size, modifiedAt = 1n, content, mode = 0o644 } = told;
      const stat = { path: Buffer.from(path), mode, size: size ?? content.length };
      yield { type: packetTypes.stat, stat: { ...stat, modifiedAt } };
    }
    yield { type: packetTypes.stat };
    for await (const { type, id } of requests) {
      if (type === packetTypes.end) break;
      asked.push(paths[id]!);
      const { content } = folder[paths[id]!]!;
      if (content !== "") yield { type: packetTypes.data, id, data: Buffer.from(content) };
      yield { type: packetTypes.data, id };
    }
    yield { type: packetTypes.end };
  }
  await using pair = await GrpcPair.of(twoWay(fileSync, answers));
  const session: Session = {
    ...{ id: "s", sharedKey: "", client: pair.client, signal: never },
    offers: () => true,
  };
  const request = { name: "context", exclude: [], follow: [] };
  await syncFolder(session, request, tree, () => undefined, never);
  return asked;
}

async function digestOf(tree: ContextTree): Promise<string> {
  const selection = { files: tree, path: ".", exclude: [], parents: false, unpack: false };
  return await files.digest(selection, never);
}

test("a folder that is told of as before is the content that it was, and nothing is asked for", async (t) => {
  const store = await storeOf(t);
  const folder = { a: { content: "one" }, b: { content: "" } };
  let first: { digest: string; identity: string | null };
  {
    await using tree = await store.open(name, never);
    assert.deepEqual(await sync(tree, folder), ["a", "b"]);
    first = { digest: await digestOf(tree), identity: tree.identity };
    assert.notEqual(first.identity, null);
  }
  await using tree = await store.open(name, never);
  assert.deepEqual(await sync(tree, folder), []);
  assert.deepEqual({ digest: await digestOf(tree), identity: tree.identity }, first);
  const found = (await tree.entries(never)).map(({ path, size }) => [path.toString(), size]);
  assert.deepEqual(found, [
    ["a", 3],
    ["b", 0],
  ]);
});

test("a file that is told of otherwise is asked for, and the content has another name", async (t) => {
  const store = await storeOf(t);
  const digests: string[] = [];
  const identities: (string | null)[] = [];
  const folders: readonly Readonly<Record<string, Told>>[] = [
    { a: { content: "one" }, b: { content: "two" } },
    { a: { content: "one" }, b: { content: "new", modifiedAt: 2n } },
    { a: { content: "one" }, b: { content: "two", modifiedAt: 3n } },
    { a: { content: "one" } },
  ];
  const asked: (readonly string[])[] = [];
  for (const folder of folders) {
    await using tree = await store.open(name, never);
    asked.push(await sync(tree, folder));
    digests.push(await digestOf(tree));
    identities.push(tree.identity);
  }
  assert.deepEqual(asked, [["a", "b"], ["b"], ["b"], []]);
  assert.equal(digests[2], digests[0]);
  assert.equal(new Set(digests).size, 3);
  assert.equal(new Set(identities).size, 4);
  assert.ok(!identities.includes(null));
});

test("a folder that goes, or becomes a file, takes along what was in it, and nothing else", async (t) => {
  const store = await storeOf(t);
  const file = { content: "x" };
  const folders: readonly Readonly<Record<string, Told>>[] = [
    { a: folder, "a/b": folder, "a/b/c": file, "a/d": file, "a.": file, ab: folder, "ab/c": file },
    { a: folder, "a/d": file, "a.": file, ab: folder, "ab/c": file },
    { a: file, "a.": file, ab: folder, "ab/c": file },
    { a: folder, "a/b": folder, "a/b/c": file, "a.": file },
    { "a.": file },
  ];
  const asked: (readonly string[])[] = [];
  for (const told of folders) {
    await using tree = await store.open(name, never);
    asked.push(await sync(tree, told));
    const listed = (await tree.entries(never)).map(({ path }) => path.toString());
    assert.deepEqual(listed.toSorted(), Object.keys(told).toSorted());
    const read = { files: await tree.files(never), path: ".", exclude: [], parents: false };
    assert.equal(await digestOf(tree), await files.digest({ ...read, unpack: false }, never));
  }
  assert.deepEqual(asked, [["a/b/c", "a/d", "a.", "ab/c"], [], ["a"], ["a/b/c"], []]);
});

test("a file that changed while it was sent is asked for again", async (t) => {
  const store = await storeOf(t);
  for (const content of ["longer than it was told to be", "one"]) {
    await using tree = await store.open(name, never);
    assert.deepEqual(await sync(tree, { a: { size: 3, content } }), ["a"]);
  }
  await using tree = await store.open(name, never);
  assert.deepEqual(await sync(tree, { a: { size: 3, content: "one" } }), []);
});

test("a sync that fails leaves a tree that nobody takes for what was listed", async (t) => {
  const store = await storeOf(t);
  const folder = { a: { content: "one" }, b: { content: "two" } };
  {
    await using tree = await store.open(name, never);
    await sync(tree, folder);
  }
  {
    await using tree = await store.open(name, never);
    const broken = { a: { content: "one" }, "../b": { content: "two" } };
    await assert.rejects(sync(tree, broken), { code: "CONTEXT_INVALID" });
  }
  {
    await using tree = await store.open(name, never);
    assert.deepEqual(await sync(tree, folder), []);
    const tooShort = { a: { content: "one" }, b: { content: "little", size: 5 << 20 } };
    await assert.rejects(sync(tree, tooShort), { code: "CONTEXT_CHANGED" });
    assert.deepEqual([tree.identity, tree.list], [null, null]);
  }
  await using tree = await store.open(name, never);
  assert.deepEqual(await sync(tree, folder), ["a", "b"]);
});
