import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { OciLayout } from "./oci-layout.ts";
import { startRegistry } from "./registry.ts";

test("a pull, load or commit beyond the limit of the store is refused, and leaves nothing behind", async (context) => {
  const flags = [...containersOnly, "--store-limit", "8m"];
  const daemon = await TestDaemon.start(context, { flags });
  const registry = await startRegistry(daemon);
  await loadImages(daemon, "busybox");
  const layout = await OciLayout.create(join(daemon.folder, "layout"));
  const image = await layout.image("amd64", {
    "random-but-small": randomBytes(64).toString("hex"),
    "large-but-even": "0".repeat(12 << 20),
  });
  await layout.top(image);
  const archive = join(daemon.folder, "large.tar");
  await daemon.onHost("tar", "-C", layout.folder, "-cf", archive, ".");
  const to = `docker://${registry}/large:1`;
  const copy = ["--insecure-policy", "copy", "--dest-tls-verify=false", `oci:${layout.folder}`, to];
  await daemon.onHost("skopeo", ...copy);
  const before = await committed(daemon);
  const refused = /images would take \d+ bytes, over the limit of 8388608/;

  await context.test("what unpacks to too much", async () => {
    const pulled = await daemon.tryDocker(["pull", "-q", `${registry}/large:1`]);
    assert.match(pulled.stderr, refused);
    const loaded = await daemon.tryDocker(["load", "-q", "-i", archive]);
    assert.match(loaded.stderr, refused);
  });

  await context.test("what an image is made of here", async () => {
    await daemon.docker("create", "--name", "maker", "busybox", "true");
    const file = join(daemon.folder, "file");
    await writeFile(file, randomBytes(2 << 20));
    await daemon.docker("cp", file, "maker:/file");
    await daemon.docker("commit", "maker", "grown");
    await daemon.docker("cp", file, "maker:/more");
    const second = await daemon.tryDocker(["commit", "maker", "again"]);
    assert.match(second.stderr, refused);
    await daemon.docker("rm", "maker");
  });

  await context.test("and what fits again once there is room", async () => {
    await daemon.docker("rmi", "grown");
    assert.deepEqual(await committed(daemon), before);
    assert.match(await daemon.docker("images", "--format", "{{.Repository}}"), /^busybox\n$/);
  });
});

async function committed(daemon: TestDaemon): Promise<readonly string[]> {
  const names = await readdir(join(daemon.folder, "data/snapshots/committed"));
  /* Others are written just then, before they get their name. */
  return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).toSorted();
}
