import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folderSize } from "../../src/engine/system/folder-size.ts";
import type { ImageSummary } from "../../src/spec/docker/image.ts";
import type { DiskUsageAnswer } from "../../src/spec/docker/system.ts";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";

test("system df tells what images share and own, what workloads wrote, and what volumes hold", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const usage = async (query = ""): Promise<DiskUsageAnswer> =>
    JSON.parse(await daemon.request("GET", `/v1.51/system/df${query}`).body) as DiskUsageAnswer;
  const images = async (): Promise<ImageSummary[]> =>
    JSON.parse(
      await daemon.request("GET", "/v1.51/images/json?shared-size=1").body,
    ) as ImageSummary[];
  const [alone] = await images();
  assert.ok(alone !== undefined && alone.Size > 0);
  const { LayersSize, Images } = await usage();
  assert.deepEqual(
    Images?.map(({ Size, SharedSize, Containers }) => [Size, SharedSize, Containers]),
    [[LayersSize, 0, 0]],
  );

  const text = join(daemon.folder, "text");
  await writeFile(text, "");
  await truncate(text, 100_000);
  await daemon.docker("run", "--name", "maker", "-v", "data:/data", "busybox", "true");
  await daemon.docker("cp", text, "maker:/text");
  await daemon.docker("cp", text, "maker:/data/text");
  await daemon.docker("commit", "maker", "made");
  await daemon.docker("create", "--name", "machine", "--isolation", "vm", "busybox", "true");
  const all = await usage();

  await context.test("of two images the common layers are shared, and counted once", async () => {
    const listed = await images();
    const find = (tag: string, list = listed): ImageSummary =>
      list.find(({ RepoTags }) => RepoTags.includes(tag))!;
    const [base, made] = [find("busybox:latest"), find("made:latest")];
    assert.equal(base.SharedSize, base.Size);
    assert.equal(made.SharedSize, base.Size);
    assert.equal(made.Size - base.Size, 100_000);
    assert.equal(all.ImageStorage?.Layers, made.Size);
    // On disk there is more of them, and what a container needs is its image's own.
    const onDisk = find("busybox:latest", all.Images ?? []);
    assert.ok(onDisk.Size > base.Size);
    assert.deepEqual([onDisk.SharedSize, onDisk.Containers], [0, 2]);
  });
  await context.test("Docker's client and Duet's call the same reclaimable", async () => {
    const ofImages = ["system", "df", "--format", "{{.Type}} {{.Size}} {{.Reclaimable}}"];
    const line = (text: string): string | undefined => /^Images .*$/m.exec(text)?.[0];
    const ours = line(await duet(daemon, ...ofImages));
    assert.match(ours ?? "", /^Images \S+ [\d.]+kB \(\d+%\)$/);
    assert.equal(line(await daemon.docker(...ofImages)), ours);
    // And so it is where more than one image that is used has the same layers.
    await daemon.docker("create", "--name", "other", "made", "true");
    const now = line(await duet(daemon, ...ofImages));
    assert.match(now ?? "", / 0B \(0%\)$/);
    assert.equal(line(await daemon.docker(...ofImages)), now);
    await daemon.docker("rm", "other");
  });
  await context.test("a container's own files are counted, and a machine's disk", () => {
    const size = (name: string): [own: number, root: number] => {
      const found = all.Containers?.find(({ Names }) => Names.includes(`/${name}`));
      return [found?.SizeRw ?? 0, found?.SizeRootFs ?? 0];
    };
    assert.deepEqual(size("maker"), [100_000, alone.Size + 100_000]);
    const [own, root] = size("machine");
    assert.ok(own > 0 && own < 1 << 20, String(own));
    assert.equal(root, alone.Size + own);
  });
  await context.test("a volume's files are counted, and who uses it", () => {
    const volume = all.Volumes?.find(({ Name }) => Name === "data");
    assert.deepEqual(volume?.UsageData, { Size: 100_000, RefCount: 1 });
  });
  await context.test("types that were not asked for are left out", async () => {
    const volumes = await usage("?type=volume");
    assert.deepEqual(
      [volumes.LayersSize, volumes.Images, volumes.Containers, volumes.BuildCache],
      [0, null, null, null],
    );
    assert.equal(volumes.Volumes?.length, 1);
  });
  await context.test("all that lies there for images is told, and clients show it", async () => {
    const { Layers = 0, Blobs = 0, Disks = 0, Ingests } = all.ImageStorage ?? {};
    assert.equal(all.LayersSize, Layers + Blobs + Disks);
    assert.equal(Blobs, await bytesBelow(daemon, "content/blobs"));
    assert.equal(Ingests, 0);
    assert.ok(Disks > alone.Size, String(Disks));
    assert.match(await daemon.docker("system", "df", "-v"), /data +1 +100kB/);
    const shown = await duet(daemon, "system", "df", "-v");
    assert.match(
      shown,
      /layers, .* as registries have them, .* disks of machines, 0B on their way/,
    );
  });
  await context.test("a prune gives back what it tells", async () => {
    await daemon.docker("rm", "maker", "machine");
    await daemon.docker("volume", "rm", "data");
    const before = await usage();
    const laid = await bytesBelow(daemon, "content");
    const freed = JSON.parse(
      await daemon.docker("system", "df", "--format", "json").then((text) => text.split("\n")[0]!),
    ) as { readonly Reclaimable: string };
    assert.match(freed.Reclaimable, /\(100%\)$/);
    assert.equal(before.ImageStorage?.Reclaimable, before.LayersSize);
    const filters = encodeURIComponent('{"dangling":["false"]}');
    const answer = await daemon.request("POST", `/v1.51/images/prune?filters=${filters}`).body;
    const { SpaceReclaimed } = JSON.parse(answer) as { readonly SpaceReclaimed: number };
    assert.equal(SpaceReclaimed, before.LayersSize);
    assert.equal((await usage()).LayersSize, 0);
    assert.ok(laid > 0);
    assert.equal(await bytesBelow(daemon, "content"), 0);
    assert.equal(await bytesBelow(daemon, "snapshots/l"), 0);
  });
});

test("the build cache tells what it alone takes, and gives just that back", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const folder = join(daemon.folder, "built");
  await mkdir(folder);
  await writeFile(join(folder, "file"), randomBytes(300_000));
  await writeFile(
    join(folder, "Dockerfile"),
    "FROM busybox\nCOPY file /file\nRUN cp /file /other\n",
  );
  await duet(daemon, "build", "-q", "-t", "built", folder);
  const usage = async (): Promise<DiskUsageAnswer> =>
    JSON.parse(await daemon.request("GET", "/v1.51/system/df").body) as DiskUsageAnswer;
  const cache = async (): Promise<readonly [count: number, shared: number]> => {
    const entries = (await usage()).BuildCache ?? [];
    return [entries.length, entries.filter(({ Shared }) => Shared).length];
  };
  // The context is the third.
  assert.deepEqual(await cache(), [3, 2]);
  await daemon.docker("rmi", "built");
  assert.deepEqual(await cache(), [3, 0]);
  const own = ((await usage()).BuildCache ?? []).reduce((sum, { Size }) => sum + Size, 0);
  // Twice the same random bytes, unpacked and as they would be sent, and those of the context.
  assert.ok(own > 1_500_000 && own < 1_510_000, String(own));
  const images = (await usage()).LayersSize;
  const before = await bytesBelow(daemon, "content/blobs");
  assert.match(await duet(daemon, "system", "prune", "-f"), /reclaimed space: 1\.5MB/);
  assert.deepEqual(await cache(), [0, 0]);
  assert.equal((await usage()).LayersSize, images);
  const freed = before - (await bytesBelow(daemon, "content/blobs"));
  assert.ok(freed > 600_000 && freed < 610_000, String(freed));
});

/** Duet's own client. */
async function duet(daemon: TestDaemon, ...args: string[]): Promise<string> {
  const program = join(import.meta.dirname, "../../bin/duet");
  const host = ["--host", `unix://${daemon.socket}`];
  return (await daemon.onHost(program, ...host, ...args)).stdout.toString();
}

/** Bytes of the files below a folder of the data root. */
async function bytesBelow(daemon: TestDaemon, folder: string): Promise<number> {
  return await folderSize(join(daemon.folder, "data", folder), AbortSignal.timeout(180_000));
}
