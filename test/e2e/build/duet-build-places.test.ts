import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test, type TestContext } from "node:test";
import { run } from "../../../src/kit/subprocess.ts";
import { TestDaemon } from "../daemon.ts";
import { loadImages } from "../images.ts";
import { startRegistry } from "../registry.ts";
import { ownerOfTests } from "../owner.ts";
import { build, folderWith, tryBuild } from "./duet-builds.ts";

const owner = ownerOfTests();
let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start(owner);
  await loadImages(daemon, "busybox");
});

test("--cache-to keeps steps at a registry, in a folder or in the image, and --cache-from takes them", async (t) => {
  const folder = await folderWith(t, { Dockerfile: "FROM busybox\nRUN echo kept > /kept\n" });
  const registry = await startRegistry(daemon);
  const kept = `${registry}/kept:1`;
  const places = [
    [`type=registry,ref=${registry}/cache:1,mode=max`, `type=registry,ref=${registry}/cache:1`],
    ["type=inline", kept],
    [`type=local,dest=${folder}/kept,mode=max`, `type=local,src=${folder}/kept`],
  ] as const;
  for (const [to, from] of places) {
    await build(daemon, "--no-cache", "--cache-to", to, "-t", kept, "--push", folder);
    await daemon.docker("rmi", kept);
    await daemon.docker("builder", "prune", "-af");
    const again = await build(daemon, "--progress", "plain", "--cache-from", from, folder);
    assert.match(again.stderr, /RUN echo kept > \/kept\n#\d+ CACHED/, to);
    await daemon.docker("builder", "prune", "-af");
  }
  for (const [words, message] of [
    [
      ["--cache-to", "type=gha"],
      /--cache-to does not take type=gha\nhint: use type=registry, type=/,
    ],
    [["--cache-to", "type=local"], /--cache-to type=local wants dest=FOLDER/],
    [["--cache-from", "type=local,src=/none", "--target", "no"], /no cache in the folder · \/none/],
    [["--cache-to", "type=registry"], /--cache-to type=registry wants ref=IMAGE/],
    [
      ["--build-context", `a=oci-layout://${folder}`],
      /no OCI layout · .*\nhint: it needs an index\.json/,
    ],
  ] as const) {
    const refused = await tryBuild(daemon, [...words, folder]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, message);
  }
});

test("a further context is a folder with an OCI layout, by its tag, its digest or alone", async (t) => {
  const folder = await folderWith(t, { Dockerfile: "FROM base\nRUN cat /word", "lay/empty": "" });
  await build(
    daemon,
    "-t",
    "lay:7",
    "-o",
    `type=oci,dest=${folder}/lay.tar`,
    await worded(t, "of layout"),
  );
  await run("tar", ["-xf", `${folder}/lay.tar`, "-C", `${folder}/lay`], {
    signal: AbortSignal.timeout(60_000),
  });
  const index = JSON.parse(await readFile(join(folder, "lay/index.json"), "utf8")) as {
    manifests: readonly { digest: string }[];
  };
  for (const place of ["lay", "lay:7", `lay@${index.manifests[0]!.digest}`]) {
    const context = `base=oci-layout://${folder}/${place}`;
    const result = await build(
      daemon,
      "--progress",
      "plain",
      "--no-cache",
      "--build-context",
      context,
      folder,
    );
    assert.match(result.stderr, /\d of layout/, place);
  }
  const other = await tryBuild(daemon, [
    "--build-context",
    `base=oci-layout://${folder}/lay:8`,
    folder,
  ]);
  assert.match(other.stderr, /no image 8 in the OCI layout · .*\nhint: it has 7/);
});

async function worded(t: TestContext, word: string): Promise<string> {
  return await folderWith(t, { Dockerfile: "FROM busybox\nCOPY word /", word });
}

test("a result goes to several places at once", async (t) => {
  const folder = await folderWith(t, { Dockerfile: "FROM scratch\nCOPY Dockerfile /copied" });
  const places = [`${folder}/out`, `type=tar,dest=${folder}/out.tar`, "type=image"];
  const words = places.flatMap((place) => ["--output", place]);
  await build(daemon, ...words, "-t", "several-places", folder);
  assert.deepEqual(await readdir(join(folder, "out")), ["copied"]);
  const { stdout } = await run("tar", ["-tf", `${folder}/out.tar`], {
    signal: AbortSignal.timeout(60_000),
  });
  assert.equal(stdout.toString(), "copied\n");
  await daemon.docker("rmi", "several-places");
  const both = await tryBuild(daemon, ["-o", "-", "-o", "type=oci", folder]);
  assert.match(both.stderr, /only one output can go to standard output/);
});

test("each RUN has the memory and the processors that are given", async (t) => {
  const folder = await folderWith(t, {
    Dockerfile:
      "FROM busybox\nRUN nproc; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max || true",
  });
  const limits = ["--memory", "64m", "--cpuset-cpus", "0"];
  const { stderr } = await build(daemon, "--progress", "plain", ...limits, folder);
  assert.match(stderr, /\d 1\n/);
  assert.match(stderr, /\d 67108864\n/);
  const wrong = await tryBuild(daemon, ["--cpuset-cpus", "x", folder]);
  assert.equal(wrong.code, 1);
});

test("progress comes as lines of JSON with Docker's fields, or not at all", async (t) => {
  const folder = await folderWith(t, { Dockerfile: "FROM busybox\nRUN echo wo''rd" });
  const { stderr } = await build(daemon, "--progress", "rawjson", folder);
  const lines = stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as RawLine);
  const named = lines.flatMap(({ vertexes = [] }) => vertexes);
  assert.ok(
    named.some(({ name, completed }) => name.includes("RUN echo") && completed !== undefined),
  );
  const logs = lines.flatMap(({ logs: some = [] }) => some);
  assert.ok(logs.some(({ data }) => Buffer.from(data, "base64").toString() === "word\n"));
  assert.equal((await build(daemon, "--progress", "none", folder)).stderr, "");
});

interface RawLine {
  readonly vertexes?: readonly { readonly name: string; readonly completed?: string }[];
  readonly logs?: readonly { readonly data: string }[];
}

test("an agent is started for an ssh key, which ends with the build", async (t) => {
  const folder = await folderWith(t, {
    Dockerfile: "FROM busybox\nRUN --mount=type=ssh [ -S $SSH_AUTH_SOCK ] && echo agent",
    word: "no key",
  });
  const unreadable = await tryBuild(daemon, ["--ssh", `default=${folder}/none`, folder]);
  assert.match(unreadable.stderr, /no ssh agent or key · no such file or directory/);
  if (!["/usr/bin/ssh-agent", "/bin/ssh-agent"].some((path) => existsSync(path))) {
    return t.skip("there is no ssh-agent on this host");
  }
  const wrong = await tryBuild(daemon, ["--ssh", `default=${folder}/word`, folder]);
  assert.match(wrong.stderr, /not a private key without a passphrase/);
  const signal = AbortSignal.timeout(60_000);
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${folder}/key`], { signal });
  await build(daemon, "--ssh", `default=${folder}/key`, folder);
  assert.deepEqual(
    (await readdir(tmpdir())).filter((name) => name.startsWith("duet-agent-")),
    [],
  );
});
