import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { imageArchive, loadImages } from "./images.ts";
import { startRegistry } from "./registry.ts";

/* Where images come from other than by a pull of one tag. */

let daemon: TestDaemon;
let folder: string;
const undo: (() => Promise<void>)[] = [];

before(async () => {
  const owner = { after: (done: () => Promise<void>) => void undo.push(done) };
  const flags = [...containersOnly, "--build-address", "127.0.0.0/8"];
  daemon = await TestDaemon.start(owner, { flags });
  folder = join(daemon.folder, "files");
  await mkdir(join(folder, "root"), { recursive: true });
  await writeFile(join(folder, "root/file"), "from a tar");
});

after(async () => {
  for (const done of undo.toReversed()) await done();
});

async function shell(script: string): Promise<void> {
  await daemon.onHost("sh", "-ec", `cd ${folder}; ${script}`);
}

test("archives of images are loaded whatever of Docker's compressions they have", async () => {
  const archive = await imageArchive("hello-world");
  for (const program of ["xz", "bzip2", "zstd", "gzip"]) {
    await shell(`${program} -c ${archive} > packed`);
    const loaded = await daemon.docker("load", "-i", join(folder, "packed"));
    assert.equal(loaded, "Loaded image: hello-world:latest\n", program);
    assert.match(await daemon.docker("run", "--rm", "hello-world"), /Hello from Duet/);
    await daemon.docker("rmi", "hello-world");
  }
  await shell(`xz -c ${archive} | head -c 2000 > packed`);
  const { stderr } = await daemon.tryDocker(["load", "-i", join(folder, "packed")]);
  assert.match(stderr, /the xz content is damaged/);
  await daemon.docker("image", "prune", "-f");
  assert.deepEqual(await daemon.contentLeft(), []);
});

test("a file system is imported from a file and from a URL, packed or not", async () => {
  await shell("tar -C root -cJf r.tar.xz .; tar -C root -cjf r.tar.bz2 .");
  await daemon.docker("import", join(folder, "r.tar.xz"), "imported:file");
  const script =
    "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=8099, bind='127.0.0.1')";
  const server = daemon.spawnOnHost(
    "python3",
    "-u",
    "-c",
    `import os; os.chdir('${folder}'); ${script}`,
  );
  await daemon.onHost(
    "sh",
    "-c",
    "until python3 -c \"import socket; socket.create_connection(('127.0.0.1', 8099))\" 2>/dev/null; do :; done",
  );
  server.stderr?.resume();
  const url = "127.0.0.1:8099/r.tar.bz2";
  const shown = await daemon.docker(
    "import",
    "-c",
    'CMD ["/file"]',
    `http://${url}`,
    "imported:url",
  );
  assert.match(shown, /^sha256:[0-9a-f]{64}$/m);
  const plain = await daemon.request(
    "POST",
    `/images/create?fromSrc=${url}&repo=imported&tag=plain`,
  ).body;
  assert.match(plain, /"Downloading from http:\/\/127\.0\.0\.1:8099\/r\.tar\.bz2"/);
  const history = await daemon.docker("history", "--format", "{{.Comment}}", "imported:plain");
  assert.equal(history, `Imported from ${url}\n`);
  for (const tag of ["file", "url", "plain"]) {
    await daemon.docker("create", "--name", tag, `imported:${tag}`, "/x");
    await daemon.docker("cp", `${tag}:/file`, join(folder, tag));
    await shell(`cmp ${tag} root/file`);
    await daemon.docker("rm", tag);
  }
  const missing = daemon.request("POST", "/images/create?fromSrc=http://127.0.0.1:8099/none");
  assert.equal((await missing.head).statusCode, 404);
  assert.match(await missing.body, /invalid response status 404 for http:/);
  await daemon.docker("rmi", "imported:file", "imported:url", "imported:plain");
  const usage = JSON.parse(await daemon.request("GET", "/system/df").body) as {
    readonly BuildCache: unknown;
  };
  assert.deepEqual(usage.BuildCache, [], "what was fetched is not kept");
});

test("a name without a tag pulls all tags of the repository", async () => {
  const registry = await startRegistry(daemon);
  const name = `${registry}/team/box`;
  await loadImages(daemon, "busybox", "hello-world");
  const tags = { "1": "busybox", "2": "hello-world", "3": "busybox" };
  for (const [tag, image] of Object.entries(tags)) {
    await daemon.docker("tag", image, `${name}:${tag}`);
    await daemon.docker("push", "-q", `${name}:${tag}`);
    await daemon.docker("rmi", `${name}:${tag}`);
  }
  const shown = await daemon.docker("pull", "-a", name);
  for (const tag of Object.keys(tags))
    assert.match(shown, new RegExp(`^${tag}: Pulling from team/box$`, "m"));
  assert.deepEqual(shown.match(/^Status: .*$/gm), [`Status: Downloaded newer image for ${name}`]);
  const listed = await daemon.docker("images", name, "--format", "{{.Tag}}");
  assert.deepEqual(listed.trim().split("\n").toSorted(), ["1", "2", "3"]);
  const again = await daemon.request("POST", `/images/create?fromImage=${name}`).body;
  assert.match(again, new RegExp(`Status: Image is up to date for ${name}"`));
  const absent = daemon.request("POST", `/images/create?fromImage=${registry}/absent`);
  assert.equal((await absent.head).statusCode, 404);
  assert.match(
    await absent.body,
    new RegExp(`repository ${registry}/absent not found: name unknown`),
  );
});
