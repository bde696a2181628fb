import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { ContainerSummary } from "../../src/spec/docker/container.ts";
import type { ImageInspect, ImageSummary } from "../../src/spec/docker/image.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { imageArchive, loadImages } from "../e2e/images.ts";
import { startRegistry } from "../e2e/registry.ts";
import { ownerOfTests } from "../e2e/owner.ts";

const owner = ownerOfTests();
let daemon: TestDaemon;
let registry: string;

before(async () => {
  daemon = await TestDaemon.start(owner, { flags: containersOnly });
  registry = await startRegistry(daemon);
});

async function ask<T>(method: string, path: string): Promise<T> {
  return JSON.parse(await daemon.request(method, path).body) as T;
}

async function lines(...args: string[]): Promise<string[]> {
  return (await daemon.docker(...args)).trim().split("\n");
}

test("an image removed by force from under a stopped container is gone, and the container whole", async () => {
  await loadImages(daemon, "busybox");
  const { Id } = await ask<ImageInspect>("GET", "/images/busybox/json");
  await daemon.docker("run", "--name", "box", "busybox", "touch", "/made");
  const refused = await daemon.tryDocker(["rmi", "busybox"]);
  assert.match(refused.stderr, /unable to remove repository reference "busybox" \(must force\)/);
  assert.deepEqual(await lines("rmi", "-f", "busybox"), [
    "Untagged: busybox:latest",
    `Deleted: ${Id}`,
  ]);
  assert.deepEqual(await ask("GET", "/images/json?all=1"), []);
  assert.match(await daemon.request("GET", `/images/${Id}/json`).body, /No such image/);
  const [listed] = await ask<ContainerSummary[]>("GET", "/containers/json?all=1");
  assert.equal(listed?.Image, Id);

  await daemon.end("SIGKILL");
  await daemon.launch();
  assert.equal(await daemon.docker("start", "-a", "box"), "");
  assert.match(await daemon.docker("diff", "box"), /^A \/made$/m);
  await daemon.docker("commit", "box", "again");
  assert.equal(await daemon.docker("run", "--rm", "again", "ls", "/made"), "/made\n");
  await daemon.docker("rmi", "again");
  await daemon.docker("rm", "box");
  assert.deepEqual(await daemon.contentLeft(), [], "its layers go with the last container");
});

test("an image that comes back is that of its containers again", async () => {
  await loadImages(daemon, "busybox");
  await daemon.docker("create", "--name", "box", "busybox", "true");
  await daemon.docker("rmi", "-f", "busybox");
  await loadImages(daemon, "busybox");
  const [listed] = await ask<ContainerSummary[]>("GET", "/containers/json?all=1");
  assert.equal(listed?.Image, "busybox");
  await daemon.docker("rm", "box");
  assert.equal(await daemon.docker("run", "--rm", "busybox", "echo", "here"), "here\n");
  await daemon.docker("rmi", "busybox");
});

test("by its id an image goes with all that is one name, and else by force only", async () => {
  await loadImages(daemon, "busybox");
  const { Id } = await ask<ImageInspect>("GET", "/images/busybox/json");
  await daemon.docker("tag", "busybox", "second");
  assert.match(
    (await daemon.tryDocker(["rmi", Id])).stderr,
    /\(must be forced\) - image is referenced in multiple repositories/,
  );
  const told = await lines("rmi", "-f", Id);
  assert.deepEqual(told.slice(0, 3).toSorted(), [
    `Deleted: ${Id}`,
    "Untagged: busybox:latest",
    "Untagged: second:latest",
  ]);
  await loadImages(daemon, "busybox");
  await daemon.docker("run", "-d", "--name", "box", "busybox", "sleep", "1000");
  assert.match(
    (await daemon.tryDocker(["rmi", "-f", Id])).stderr,
    /\(cannot be forced\) - image is being used by running container/,
  );
  assert.deepEqual(await lines("rmi", "-f", "busybox"), ["Untagged: busybox:latest"]);
  const [dangling] = await ask<ImageSummary[]>("GET", "/images/json");
  assert.deepEqual(dangling?.RepoTags, []);
  await daemon.docker("rm", "-f", "box");
  await daemon.docker("rmi", Id);
});

test("a digest under which an image was pulled is taken off with its last tag, and told", async () => {
  await loadImages(daemon, "busybox");
  const name = `${registry}/box`;
  await daemon.docker("tag", "busybox", `${name}:1`);
  await daemon.docker("push", "-q", `${name}:1`);
  await daemon.docker("rmi", "busybox", `${name}:1`);
  await daemon.docker("pull", "-q", `${name}:1`);
  const { Id, RepoDigests } = await ask<ImageInspect>("GET", `/images/${name}:1/json`);
  const digest = RepoDigests[0]!;
  await daemon.docker("tag", `${name}:1`, `${name}:2`);
  assert.deepEqual(await lines("rmi", `${name}:2`), [`Untagged: ${name}:2`]);
  assert.deepEqual((await lines("rmi", `${name}:1`)).slice(0, 3), [
    `Untagged: ${name}:1`,
    `Untagged: ${digest}`,
    `Deleted: ${Id}`,
  ]);
  await daemon.docker("pull", "-q", `${name}:1@${digest.split("@")[1]}`);
  const pulled = await ask<ImageInspect>("GET", `/images/${digest}/json`);
  assert.deepEqual([pulled.RepoTags, pulled.RepoDigests], [[], [digest]]);
  assert.deepEqual((await lines("rmi", digest)).slice(0, 2), [
    `Untagged: ${digest}`,
    `Deleted: ${Id}`,
  ]);
  assert.deepEqual(await daemon.contentLeft(), []);
});

test("what a commit was made from stays with it, unnamed and unlisted, and goes with it", async () => {
  await loadImages(daemon, "busybox");
  const base = await ask<ImageInspect>("GET", "/images/busybox/json");
  await daemon.docker("run", "--name", "box", "busybox", "touch", "/made");
  await daemon.docker("commit", "box", "child");
  await daemon.docker("rm", "box");
  const child = await ask<ImageInspect>("GET", "/images/child/json");
  assert.equal(child.Parent, base.Id);
  assert.match(await daemon.docker("history", "--no-trunc", "-q", "child"), new RegExp(base.Id));
  assert.deepEqual(await lines("rmi", "busybox"), ["Untagged: busybox:latest"]);
  assert.match(
    (await daemon.tryDocker(["rmi", "-f", base.Id])).stderr,
    /\(cannot be forced\) - image has dependent child images/,
  );
  assert.deepEqual(await lines("images", "-q", "--no-trunc"), [child.Id]);
  assert.equal((await lines("images", "-qa")).length, 2);
  assert.match(await daemon.docker("image", "prune", "-f"), /reclaimed space: 0B/);
  const told = await lines("rmi", "child");
  assert.deepEqual(
    told.filter((line) => line.includes(base.Id)),
    [`Deleted: ${base.Id}`],
  );
  assert.deepEqual(await daemon.contentLeft(), []);
});

test("a prune removes by age and label what nobody uses, and says what that frees", async () => {
  await loadImages(daemon, "busybox", "hello-world");
  await daemon.docker("create", "--name", "box", "busybox", "true");
  await daemon.docker("commit", "-c", "LABEL keep=1", "box", "labelled");
  const prune = async (filter: unknown): Promise<readonly string[]> => {
    const query = encodeURIComponent(JSON.stringify(filter));
    const answer = await ask<{ ImagesDeleted: { Untagged?: string }[] | null }>(
      "POST",
      `/images/prune?filters=${query}`,
    );
    return (answer.ImagesDeleted ?? []).flatMap(({ Untagged }) => Untagged ?? []);
  };
  assert.deepEqual(await prune({}), []);
  assert.deepEqual(await prune({ dangling: ["false"], label: ["other"] }), []);
  assert.deepEqual(await prune({ dangling: ["false"], until: ["2001-01-01T00:00:00Z"] }), []);
  assert.deepEqual(await prune({ dangling: ["false"], "label!": ["keep"] }), [
    "hello-world:latest",
  ]);
  assert.deepEqual(await prune({ dangling: ["0"] }), ["labelled:latest"]);
  await daemon.docker("rm", "box");
  assert.match(await daemon.docker("image", "prune", "-af"), /Total reclaimed space: [1-9]/);
  assert.deepEqual(await daemon.contentLeft(), []);
});

test("an archive holds several images, and gives those of a platform that is asked for", async () => {
  await loadImages(daemon, "busybox", "hello-world");
  await daemon.docker("tag", "busybox", "busybox:two");
  const path = `${daemon.folder}/both.tar`;
  await daemon.docker("save", "-o", path, "busybox", "hello-world:latest");
  await daemon.docker("rmi", "busybox", "busybox:two", "hello-world");
  assert.deepEqual((await lines("load", "-i", path)).toSorted(), [
    "Loaded image: busybox:latest",
    "Loaded image: busybox:two",
    "Loaded image: hello-world:latest",
  ]);
  const platform = (architecture: string): string =>
    encodeURIComponent(JSON.stringify({ os: "linux", architecture }));
  const host = process.arch === "arm64" ? "arm64" : "amd64";
  const { head, body } = daemon.request("GET", `/images/busybox/get?platform=${platform("s390x")}`);
  assert.equal((await head).statusCode, 404);
  assert.match(await body, /no suitable export target found for platform linux\/s390x/);
  const saved = daemon.request("GET", `/images/busybox/get?platform=${platform(host)}`);
  assert.equal((await saved.head).statusCode, 200);
  await saved.body;
  const load = async (architecture: string): Promise<string> =>
    (
      await daemon.onHost(
        "curl",
        ...["-s", "--unix-socket", daemon.socket, "--data-binary"],
        `@${await imageArchive("busybox")}`,
        `http://engine/images/load?platform=${platform(architecture)}`,
      )
    ).stdout.toString();
  assert.match(await load("s390x"), /requested platform \(linux\/s390x\) not found/);
  assert.match(await load(host), /Loaded image: busybox:latest/);
});

test("a pattern of names may have classes, and one without sense is refused", async () => {
  const list = async (pattern: string): Promise<string> =>
    await daemon.request(
      "GET",
      `/images/json?filters=${encodeURIComponent(JSON.stringify({ reference: [pattern] }))}`,
    ).body;
  assert.match(await list("busybo[x-z]"), /busybox:latest/);
  assert.match(await list("[^h]*"), /busybox:latest/);
  assert.doesNotMatch(await list("[^b]*"), /busybox:latest/);
  assert.match(await list("busybox:[a-m]*"), /"RepoTags":\["busybox:latest"\]/);
  for (const bad of ["[", "[a", "[]", "a\\", "[a-]"])
    assert.match(await list(bad), /syntax error in pattern/);
});
