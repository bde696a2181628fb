import assert from "node:assert/strict";
import { test } from "node:test";
import { hostPlatform } from "../../../src/domain/registry.ts";
import { never } from "../../../src/kit/abort.ts";
import { writeTar, type TarMember } from "../../../src/kit/tar/writer.ts";
import { exportFolder } from "../../../src/servers/buildkit/export/folder.ts";
import type { Export } from "../../../src/servers/buildkit/export/export.ts";
import { packetTypes, type Packet } from "../../../src/spec/buildkit/file-sync.ts";
import { solveRequest } from "./solve-request.ts";

const names = ["b", "a-b", "a", "a/c", "a/other-name"];

async function* members(): AsyncGenerator<TarMember, void, void> {
  const name = (index: number): Buffer => Buffer.from(names[index]!);
  async function* content(): AsyncGenerator<Buffer, void, void> {
    yield Buffer.from("text");
  }
  yield { header: { kind: "directory", name: name(2), mode: 0o755 } };
  yield { header: { kind: "file", name: name(3), mode: 0o644, size: 4 }, content: content() };
  yield { header: { kind: "hardlink", name: name(4), mode: 0o644, linkName: name(3) } };
  yield { header: { kind: "symlink", name: name(1), mode: 0o777, linkName: name(3) } };
  yield { header: { kind: "file", name: name(0), mode: 0o644, size: 4 }, content: content() };
}

/** An export to a client that asks for these files by number, one after the other; with what it was sent. */
function exportTo(...asked: readonly number[]): { wanted: Export; sent: Partial<Packet>[] } {
  const sent: Partial<Packet>[] = [];
  const { promise: isListed, resolve: list } = Promise.withResolvers<void>();
  const call = {
    send: async (packet: Partial<Packet>) => {
      sent.push(packet);
      if (packet.type === packetTypes.stat && packet.stat === undefined) list();
    },
    end: () => undefined,
    cancel: () => undefined,
    responses: (async function* () {
      await isListed;
      for (const id of asked) yield { type: packetTypes.request, id };
      yield { type: packetTypes.end };
    })(),
  };
  let reads = 0;
  const tree = (): AsyncIterable<Buffer> => {
    reads += 1;
    assert.ok(reads < 10, "the tree is read again and again");
    return writeTar(members());
  };
  const wanted = {
    job: { progress: { tell: () => undefined }, request: solveRequest("export") },
    session: { client: { open: () => call } },
    results: [{ platform: hostPlatform, tree }],
    ...{ byPlatform: false, index: 0, exporter: { type: "local", attributes: new Map() } },
  };
  return { wanted: wanted as unknown as Export, sent };
}

test("a client gets the files of a result in the order that it knows, each once", async () => {
  const { wanted, sent } = exportTo(1, 4);
  await exportFolder(wanted, never);
  const listed = sent.flatMap(({ stat }) => stat?.path.toString() ?? []);
  assert.deepEqual(listed, ["a", "a/c", "a/other-name", "a-b", "b"]);
  const contents = sent.filter(({ type }) => type === packetTypes.data);
  assert.deepEqual(
    contents.map(({ id, data }) => [id, data?.toString()]),
    [
      [1, "text"],
      [1, undefined],
      [4, "text"],
      [4, undefined],
    ],
  );
});

for (const [what, ...asked] of [
  ["a folder", 0],
  ["a link", 3],
  ["another name of a file", 2],
  ["what is not there", 5],
  ["a file twice", 4, 4],
] as const) {
  test(`a client that asks for the content of ${what} ends the export`, async () => {
    await assert.rejects(exportFolder(exportTo(...asked).wanted, never), {
      code: "EXPORT_FAILED",
    });
  });
}
