import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { OciLayout } from "./oci-layout.ts";
import { startPacedRegistry, type PacedRegistry } from "./paced-registry.ts";

interface Half {
  readonly daemon: TestDaemon;
  readonly registry: PacedRegistry;
  /** Names that the unpacked half of the layer has. */
  unpacked(): Promise<readonly string[]>;
}

/** A daemon, and a registry that keeps half of the one layer of an image of a hundred files back. */
async function halfALayer(context: TestContext): Promise<Half> {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  const layout = await OciLayout.create(join(daemon.folder, "layout"));
  const files = Array.from({ length: 100 }, (_, index): [string, string] => [
    `file-${index}`,
    randomBytes(30_000).toString("hex"),
  ]);
  const image = await layout.oneLayer(Object.fromEntries(files));
  await layout.top(image.manifest);
  const registry = await startPacedRegistry(daemon, layout.folder, image.layer.digest);
  const layers = join(daemon.folder, "data/snapshots/l");
  return {
    daemon,
    registry,
    unpacked: async () => {
      const folders = (await readdir(layers)).filter((name) => name !== "0");
      const names = await Promise.all(folders.map((name) => readdir(join(layers, name))));
      return names.flat();
    },
  };
}

/** Resolves when files of the layer are there: what its folder is called is the daemon's. */
async function untilUnpacking({ unpacked }: Half): Promise<void> {
  const late = AbortSignal.timeout(180_000);
  while ((await unpacked()).length <= 10) late.throwIfAborted();
}

test("a layer is unpacked while it comes, and seen by nobody before all of it is verified", async (context) => {
  const half = await halfALayer(context);
  const { daemon, registry } = half;
  const name = `${registry.address}/paced:1`;
  const pulling = daemon.docker("pull", name);
  await untilUnpacking(half);
  assert.deepEqual(await readdir(join(daemon.folder, "data/snapshots/committed")), []);
  assert.deepEqual(
    await readdir(join(daemon.folder, "data/content/blobs/sha256")).then((all) => all.length),
    2,
  );
  assert.equal(await daemon.docker("images", "-aq"), "");
  await registry.goOn("honestly");
  const shown = await pulling;
  for (const phase of [
    "Pulling fs layer",
    "Verifying Checksum",
    "Download complete",
    "Pull complete",
  ])
    assert.match(shown, new RegExp(phase));
  assert.equal((await half.unpacked()).length, 100);
  await daemon.docker("create", "--name", "made", name);
  await daemon.docker("rm", "made");
  await daemon.docker("rmi", name);
});

test("a layer whose end is not what its digest promises leaves nothing, and is told as that", async (context) => {
  const half = await halfALayer(context);
  const { daemon, registry } = half;
  const pulling = daemon.tryDocker(["pull", `${registry.address}/paced:1`]);
  await untilUnpacking(half);
  await registry.goOn("with zeros");
  const { stderr } = await pulling;
  assert.match(stderr, /the content has digest sha256:[0-9a-f]{64}, not the promised sha256:/);
  assert.deepEqual(await readdir(join(daemon.folder, "data/snapshots/committed")), []);
  assert.deepEqual(await half.unpacked(), []);
  assert.deepEqual(await readdir(join(daemon.folder, "data/content/ingests")), []);
  await daemon.docker("image", "prune", "-f");
  assert.deepEqual(await daemon.contentLeft(), []);
});
