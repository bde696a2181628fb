import assert from "node:assert/strict";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { request } from "node:http";
import { test } from "node:test";
import type { ImageSummary } from "../../src/spec/docker/image.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { imageArchive, loadImages } from "../e2e/images.ts";
import { startRegistry } from "../e2e/registry.ts";

test("images come and go beside each other", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const registry = await startRegistry(daemon);
  const name = `${registry}/busybox:latest`;
  await daemon.docker("tag", "busybox", name);
  await daemon.docker("push", "-q", name);

  await context.test(
    "a client that sends an archive slowly holds nobody up, and gets its image",
    async () => {
      const upload = request({ socketPath: daemon.socket, method: "POST", path: "/images/load" });
      const archive = createReadStream(await imageArchive("hello-world"));
      const chunks: Buffer[] = [];
      for await (const chunk of archive) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      upload.write(bytes.subarray(0, bytes.length - 2_048));
      await daemon.docker("rmi", "busybox", name);
      await daemon.docker("pull", "-q", name);
      assert.equal(await daemon.docker("run", "--rm", name, "echo", "pulled"), "pulled\n");
      upload.end(bytes.subarray(bytes.length - 2_048));
      const [response] = await once(upload, "response");
      for await (const _ of response) continue;
      assert.match(await daemon.docker("run", "--rm", "hello-world"), /Hello from Duet/);
      await daemon.docker("rmi", "hello-world");
    },
  );

  await context.test("an image in use is refused, one of its names is not", async () => {
    await daemon.docker("run", "-d", "--name", "box", name, "sleep", "1000");
    assert.match(
      (await daemon.tryDocker(["rmi", name])).stderr,
      /container [0-9a-f]{12} is using its referenced image/,
    );
    await daemon.docker("tag", name, "other");
    assert.equal(await daemon.docker("rmi", "other"), "Untagged: other:latest\n");
    assert.equal(await daemon.docker("exec", "box", "echo", "here"), "here\n");
    await daemon.docker("rm", "-f", "box");
  });

  await context.test(
    "pulls of one image at once both give it, and one that is broken off harms none",
    async () => {
      await daemon.docker("rmi", name);
      const first = daemon.request("POST", `/images/create?fromImage=${encodeURIComponent(name)}`);
      const pulls = [daemon.docker("pull", "-q", name), daemon.docker("pull", "-q", name)];
      first.breakOff();
      assert.deepEqual(await Promise.all(pulls), [`${name}\n`, `${name}\n`]);
      assert.equal(await daemon.docker("run", "--rm", name, "echo", "whole"), "whole\n");
    },
  );

  await context.test(
    "an image goes with its own layers, each told, and shares those of others",
    async () => {
      await daemon.docker("run", "--name", "made", name, "touch", "/file");
      await daemon.docker("commit", "made", "child");
      await daemon.docker("rm", "made");
      const listed = await daemon.request("GET", "/images/json?shared-size=1").body;
      const images = JSON.parse(listed) as ImageSummary[];
      const child = images.find(({ RepoTags }) => RepoTags.includes("child:latest"))!;
      const base = images.find(({ RepoTags }) => RepoTags.includes(name))!;
      assert.equal(base.SharedSize, base.Size);
      assert.ok(child.SharedSize >= 0 && child.SharedSize <= child.Size, `${child.SharedSize}`);
      const told = (await daemon.docker("rmi", "child")).trim().split("\n");
      assert.equal(told.length, 3, told.join("; "));
      assert.deepEqual(told.slice(0, 2), ["Untagged: child:latest", `Deleted: ${child.Id}`]);
      assert.match(told[2] ?? "", /^Deleted: sha256:[0-9a-f]{64}$/);
    },
  );

  await daemon.docker("rmi", name);
  await daemon.docker("image", "prune", "-f");
  assert.deepEqual(await daemon.contentLeft(), []);
});
