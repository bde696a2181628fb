import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { RootSource, Snapshotter } from "../../src/domain/snapshot.ts";
import { canceled, never } from "../../src/kit/abort.ts";
import { isDuetError } from "../../src/kit/errors.ts";
import { archiveOf } from "../kit/tar/samples.ts";
import { mountsBelow, temporaryFolder } from "../native/rootfs/binary.ts";
import { imageOf } from "./layers.ts";

const base = archiveOf([
  { kind: "directory", name: "etc", mode: 0o750, uid: 7, gid: 8, modifiedSeconds: 1_000 },
  { kind: "file", name: "etc/a", data: "one", modifiedSeconds: 1_000 },
  { kind: "file", name: "etc/b", data: "two" },
]);
const upper = archiveOf([
  { kind: "file", name: "etc/.wh.a" },
  { kind: "file", name: "etc/c", data: "three" },
]);

/** What every Snapshotter does, whatever its roots look like. `list` reads the file names of a root's /etc. */
export function snapshotterSuite(
  name: string,
  open: (folder: string) => Promise<Snapshotter>,
  list: (root: RootSource, signal: AbortSignal) => Promise<readonly string[]>,
): void {
  const start = async (context: TestContext): Promise<{ folder: string; driver: Snapshotter }> => {
    const folder = temporaryFolder(context);
    return { folder, driver: await open(folder) };
  };

  test(`${name}: a writable root shows the layers merged, whiteouts applied`, async (context) => {
    const { folder, driver } = await start(context);
    const image = imageOf([base, upper]);
    await driver.unpack(image.request, never);
    assert.equal(await driver.has(image.top), true);
    const root = await driver.prepare("one", image.top, never);
    assert.equal(root.kind, driver.kind);
    assert.deepEqual(await list(root, never), ["b", "c"]);
    assert.deepEqual(await driver.root("one"), root);
    assert.equal(mountsBelow(folder), "");
  });

  test(`${name}: an earlier layer is a root of its own, and writable roots are apart`, async (context) => {
    const { driver } = await start(context);
    const image = imageOf([base, upper]);
    await driver.unpack(image.request, never);
    const first = await driver.prepare("one", image.chains[0]!, never);
    await driver.prepare("two", image.chains[0]!, never);
    assert.deepEqual(await list(first, never), ["a", "b"]);
    assert.deepEqual((await driver.list()).writable.toSorted(), ["one", "two"]);
  });

  test(`${name}: no layers make an empty root`, async (context) => {
    const { driver } = await start(context);
    const root = await driver.prepare("empty", null, never);
    assert.deepEqual(await list(root, never), []);
  });

  test(`${name}: unpacking twice, or twice at once, is as unpacking once`, async (context) => {
    const { driver } = await start(context);
    const image = imageOf([base, upper]);
    await Promise.all([driver.unpack(image.request, never), driver.unpack(image.request, never)]);
    await driver.unpack(image.request, never);
    const root = await driver.prepare("one", image.top, never);
    assert.deepEqual(await list(root, never), ["b", "c"]);
  });

  test(`${name}: names are checked before they get near a path (A22)`, async (context) => {
    const { driver } = await start(context);
    for (const key of ["", "..", "a/b", "../a", ".hidden", "a\0b", "x".repeat(200)]) {
      const wrong = (error: unknown): boolean => isDuetError(error, "invalid");
      await assert.rejects(driver.prepare(key, null, never), wrong);
      await assert.rejects(driver.root(key), wrong);
      await assert.rejects(driver.remove(key, never), wrong);
    }
  });

  test(`${name}: tells a missing parent, a missing root and a name in use`, async (context) => {
    const { driver } = await start(context);
    const image = imageOf([base]);
    await assert.rejects(driver.prepare("one", image.top, never), (error) =>
      isDuetError(error, "not-found"),
    );
    await assert.rejects(driver.root("one"), (error) => isDuetError(error, "not-found"));
    await driver.prepare("one", null, never);
    await assert.rejects(driver.prepare("one", null, never), (error) =>
      isDuetError(error, "conflict"),
    );
    assert.deepEqual((await driver.list()).writable, ["one"]);
  });

  test(`${name}: removing is idempotent and leaves the name free`, async (context) => {
    const { driver } = await start(context);
    const image = imageOf([base]);
    await driver.unpack(image.request, never);
    await driver.prepare("one", image.top, never);
    await driver.remove("one", never);
    await driver.remove("one", never);
    assert.deepEqual((await driver.list()).writable, []);
    await driver.prepare("one", image.top, never);
    assert.ok((await driver.usage("one")) >= 0);
    await driver.remove("one", never);
    await driver.removeCommitted(image.top, never);
    await driver.removeCommitted(image.top, never);
    assert.deepEqual((await driver.list()).committed, []);
  });

  test(`${name}: what was unpacked and prepared is there after a restart`, async (context) => {
    const { folder, driver } = await start(context);
    const image = imageOf([base, upper]);
    await driver.unpack(image.request, never);
    const root = await driver.prepare("one", image.top, never);
    const again = await open(folder);
    assert.equal(await again.has(image.top), true);
    assert.deepEqual(await again.root("one"), root);
    assert.deepEqual(await list(root, never), ["b", "c"]);
  });

  test(`${name}: an unpack that is cancelled or fails commits nothing of that layer`, async (context) => {
    const { driver } = await start(context);
    const image = imageOf([base, upper]);
    for (const open of [stuckOpen, stuckStream]) {
      const controller = new AbortController();
      const request = { ...image.request, open: async () => await open(controller) };
      const outcome = driver.unpack(request, controller.signal);
      await assert.rejects(outcome, (error) => isDuetError(error, "canceled"));
      assert.deepEqual((await driver.list()).committed, []);
    }
    await driver.unpack(image.request, never);
    assert.equal(await driver.has(image.top), true);
  });
}

const why = canceled("the test said so");

async function stuckOpen(controller: AbortController): Promise<AsyncIterable<Buffer>> {
  controller.abort(why);
  return await new Promise(() => undefined);
}

/** A blob whose source gives its first bytes and then nothing, ever. */
async function stuckStream(controller: AbortController): Promise<AsyncIterable<Buffer>> {
  async function* stream(): AsyncGenerator<Buffer, void, void> {
    yield Buffer.from("1f8b0800000000000003", "hex");
    controller.abort(why);
    await new Promise(() => undefined);
  }
  return stream();
}
