import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run, type RunResult } from "../../src/kit/subprocess.ts";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { OciLayout } from "./oci-layout.ts";
import { startRegistry } from "./registry.ts";

const duet = join(import.meta.dirname, "../../bin/duet");

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

test("a step of a build that writes beyond the limit of the store is ended while it does", async (context) => {
  const daemon = await TestDaemon.start(context, {
    flags: ["--vm-pool-size", "0", "--store-limit", "24m"],
  });
  await loadImages(daemon, "busybox");
  const folder = join(daemon.folder, "context");
  await mkdir(folder);
  await writeFile(join(folder, "file"), "0".repeat(32 << 20));
  const before = await committed(daemon);
  const build = async (isolation: string, dockerfile: string): Promise<RunResult> =>
    await run(duet, ["build", "--isolation", isolation, "--progress", "plain", "-f", "-", folder], {
      signal: AbortSignal.timeout(300_000),
      input: dockerfile,
      okCodes: [0, 1],
      env: { DUET_HOST: `unix://${daemon.socket}` },
    });
  const cases = {
    "a container": ["container", "RUN dd if=/dev/zero of=/big bs=1M count=40 && sleep 86400"],
    "a machine": ["vm", "RUN dd if=/dev/zero of=/big bs=1M count=40 conv=fsync && sleep 86400"],
    "a hole, whose layer would hold it": ["container", "RUN truncate -s 1G /big"],
    "a copy": ["container", "COPY file /file"],
  } as const;
  for (const [name, [isolation, step]] of Object.entries(cases)) {
    await context.test(name, async () => {
      const { code, stderr } = await build(isolation, `FROM busybox\n${step}\n`);
      assert.match(stderr, /images would take \d+ bytes, over the limit of 25165824/);
      assert.equal(code, 1);
      assert.deepEqual(await readdir(join(daemon.folder, "data/snapshots/w")), []);
      assert.deepEqual(await committed(daemon), before);
    });
  }

  await context.test("what fits is built", async () => {
    const text = "FROM busybox\nRUN dd if=/dev/zero of=/small bs=1M count=4\n";
    const { code, stderr } = await build("container", text);
    assert.equal(code, 0, stderr);
  });
  await daemon.assertNothingOf("builds that had no room");
});

async function committed(daemon: TestDaemon): Promise<readonly string[]> {
  const names = await readdir(join(daemon.folder, "data/snapshots/committed"));
  /* Others are written just then, before they get their name. */
  return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).toSorted();
}
