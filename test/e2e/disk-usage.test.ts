import assert from "node:assert/strict";
import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { DiskUsageAnswer } from "../../src/spec/docker/system.ts";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";

test("system df tells what images share and own, what workloads wrote, and what volumes hold", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const usage = async (query = ""): Promise<DiskUsageAnswer> =>
    JSON.parse(await daemon.request("GET", `/v1.51/system/df${query}`).body) as DiskUsageAnswer;
  const alone = (await usage()).Images?.[0];
  assert.ok(alone !== undefined && alone.Size > 0);
  assert.deepEqual([alone.SharedSize, alone.Containers], [0, 0]);

  const text = join(daemon.folder, "text");
  await writeFile(text, "");
  await truncate(text, 100_000);
  await daemon.docker("run", "--name", "maker", "-v", "data:/data", "busybox", "true");
  await daemon.docker("cp", text, "maker:/text");
  await daemon.docker("cp", text, "maker:/data/text");
  await daemon.docker("commit", "maker", "made");
  await daemon.docker("create", "--name", "machine", "--isolation", "vm", "busybox", "true");
  const all = await usage();

  await context.test("of two images the common layers are shared, and counted once", () => {
    const base = all.Images?.find(({ RepoTags }) => RepoTags.includes("busybox:latest"));
    const made = all.Images?.find(({ RepoTags }) => RepoTags.includes("made:latest"));
    assert.ok(base !== undefined && made !== undefined);
    assert.deepEqual([base.SharedSize, base.Containers], [base.Size, 2]);
    assert.equal(made.SharedSize, base.Size);
    assert.equal(made.Size - base.Size, 100_000);
    assert.equal(all.LayersSize, made.Size);
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
  await context.test("the client shows it", async () => {
    assert.match(await daemon.docker("system", "df", "-v"), /data +1 +100kB/);
  });
  await daemon.docker("rm", "maker", "machine");
  await daemon.docker("volume", "rm", "data");
});
