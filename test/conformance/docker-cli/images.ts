import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { ClientAge } from "../../../tools/clients/bring.ts";
import { startRegistry } from "../../e2e/registry.ts";
import { clientsOfFile, daemonOfFile } from "../shared.ts";

const program = join(import.meta.dirname, "../../../bin/duet");
let registry: Promise<string> | undefined;

async function registryOfFile(): Promise<string> {
  registry ??= daemonOfFile().then(startRegistry);
  return await registry;
}

/** `docker image` and its short forms. */
export function testImages(age: ClientAge): void {
  const title = `docker CLI (${age})`;

  test(`${title}: images are listed, filtered, inspected, tagged and untagged`, async () => {
    const client = await clientsOfFile(age);
    const list = async (...words: string[]): Promise<string[]> =>
      (await client.docker("images", ...words, "--format", "{{.Repository}}:{{.Tag}}"))
        .split("\n")
        .filter(Boolean);
    const tag = `example.org/group/box:${age}`;
    await client.docker("tag", "busybox", tag);
    assert.ok((await list("busybox")).includes("busybox:latest"));
    assert.deepEqual(await list("--filter", "reference=example.org/*/box"), [tag]);
    const id = (await client.docker("images", "-q", "--no-trunc", "busybox")).trim();
    assert.equal(await client.docker("inspect", "-f", "{{.Id}}", tag), `${id}\n`);
    const format = "{{.Os}} {{.Architecture}} {{json .Config.Cmd}} {{.RootFS.Type}}";
    assert.match(
      await client.docker("image", "inspect", "-f", format, "busybox"),
      /^linux \w+ \["sh"\] layers\n$/,
    );
    assert.match(
      await client.docker("history", "--no-trunc", "busybox"),
      /CREATED BY.*\n.*busybox/,
    );
    assert.equal(await client.docker("rmi", tag), `Untagged: ${tag}\n`);
    const missing = await client.attempt(["image", "inspect", tag]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /No such image: example\.org/);
  });

  test(`${title}: an image in use is not removed, and --force only untags it`, async () => {
    const client = await clientsOfFile(age);
    const [name, tag] = [`holder-${age}`, `held:${age}`];
    await client.docker("create", "--name", name, "hello-world");
    await client.docker("tag", "hello-world", tag);
    assert.equal(await client.docker("rmi", tag), `Untagged: ${tag}\n`);
    const refused = await client.attempt(["rmi", "hello-world"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /conflict: unable to (remove repository reference|delete)/);
    await client.docker("rm", name);
  });

  if (age === "newest") {
    test(`${title}: images are a tree with their platforms, and duet prints the same one`, async () => {
      const client = await clientsOfFile(age);
      const daemon = client.daemon;
      await client.docker("tag", "busybox", "tree.example.org/group/of/images/busybox:long");
      await client.docker("create", "--name", "in-the-tree", "busybox");
      for (const words of [[], ["-a"], ["hello-world"], ["--filter", "reference=none"]]) {
        const line = ["image", "ls", "--tree", ...words];
        const theirs = stripVTControlCharacters(await client.docker(...line));
        const ours = await daemon.onHost(program, "--host", `unix://${daemon.socket}`, ...line);
        assert.equal(ours.stdout.toString(), theirs, line.join(" "));
        if (words.length === 0) assert.match(theirs, /busybox:latest .* U +\n└─ linux\//);
      }
      await client.docker("rm", "in-the-tree");
      await client.docker("rmi", "tree.example.org/group/of/images/busybox:long");
    });
  }

  test(`${title}: save and load carry an image, import makes one of a tree`, async () => {
    const client = await clientsOfFile(age);
    const file = join(client.daemon.folder, `saved-${age}.tar`);
    const tag = `saved:${age}`;
    await client.docker("tag", "hello-world", tag);
    await client.docker("save", "-o", file, tag);
    await client.docker("rmi", tag);
    assert.equal(await client.docker("load", "-i", file), `Loaded image: ${tag}\n`);
    assert.match(await client.docker("run", "--rm", tag), /Hello from Duet!/);
    await client.docker("rmi", tag);
  });

  test(`${title}: push and pull move an image through a registry`, async () => {
    const client = await clientsOfFile(age);
    const tag = `${await registryOfFile()}/moved:${age}`;
    await client.docker("tag", "busybox", tag);
    assert.match(
      await client.docker("push", tag),
      new RegExp(`${age}: digest: sha256:[0-9a-f]{64} size: \\d+\n`),
    );
    await client.docker("rmi", tag);
    const pulled = await client.docker("pull", tag);
    assert.match(
      pulled,
      /Digest: sha256:[0-9a-f]{64}\nStatus: (Downloaded newer image|Image is up to date) for /,
    );
    const digests = await client.docker("image", "inspect", "-f", "{{json .RepoDigests}}", tag);
    assert.match(digests, /moved@sha256:/);
    assert.match(await client.docker("pull", "-q", tag), /moved/);
    const missing = await client.attempt(["pull", `${await registryOfFile()}/none:none`]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /not found|manifest unknown/);
    await client.docker("rmi", tag);
  });
}
