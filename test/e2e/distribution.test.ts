import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { OciLayout, type Blob } from "./oci-layout.ts";
import { startRegistry } from "./registry.ts";
import type { ImageSummary } from "../../src/spec/docker/image.ts";
import { parseExposition } from "../servers/native/parse-exposition.ts";
import { ownerOfTests } from "./owner.ts";

const owner = ownerOfTests();
let daemon: TestDaemon;
let registry: string;
let index: Blob;

before(async () => {
  daemon = await TestDaemon.start(owner, { flags: containersOnly });
  registry = await startRegistry(daemon);
  const layout = await OciLayout.create(join(daemon.folder, "layout"));
  const amd64 = await layout.image("amd64", { shared: "same", "for-amd64": "a" });
  const arm64 = await layout.image("arm64", { shared: "same", "for-arm64": "b" }, "zstd");
  const plain = await layout.image("riscv64", { shared: "same", plain: "c" }, "none");
  index = await layout.index([await layout.attestation(amd64), arm64, amd64, plain]);
  await skopeo(
    "copy",
    "--all",
    "--preserve-digests",
    `oci:${layout.folder}`,
    `docker://${registry}/many:1`,
  );
});

async function skopeo(verb: string, ...words: string[]): Promise<string> {
  const flags = {
    copy: ["--src-tls-verify=false", "--dest-tls-verify=false"],
    inspect: ["--tls-verify=false"],
  }[verb];
  const all = ["--insecure-policy", verb, ...(flags ?? []), ...words];
  return (await daemon.onHost("skopeo", ...all)).stdout.toString();
}

async function created(platform: string): Promise<string> {
  const id = (
    await daemon.docker("create", ...platform.split(" ").filter(Boolean), `${registry}/many:1`)
  ).trim();
  const format = "{{.Config.Labels.architecture}}";
  const label = (await daemon.docker("inspect", "--format", format, id)).trim();
  await daemon.docker("rm", id);
  return label;
}

test("several platforms of one name are here side by side, and this host's is the one meant unasked", async () => {
  const name = `${registry}/many:1`;
  await daemon.docker("pull", "-q", name);
  assert.equal(await created(""), "amd64");
  await daemon.docker("pull", "-q", "--platform", "linux/arm64", name);
  assert.equal(await created(""), "amd64");
  assert.equal(await created("--platform linux/arm64"), "arm64");
  assert.equal(await created("--platform linux/amd64"), "amd64");
  const listed = (await daemon.docker("images", "--digests", "--format", "{{.Digest}}")).trim();
  assert.equal(listed, index.digest, "one name, one image in the list, by the digest of its index");
  assert.match(await daemon.docker("rmi", name), /Untagged/);
  assert.equal(await daemon.docker("images", "-aq"), "");
});

test("an index that was pulled whole is pushed whole, byte for byte, attestations too", async () => {
  const name = `${registry}/many:1`;
  const copy = `${registry}/copy:1`;
  const duet = join(import.meta.dirname, "../../bin/duet");
  await daemon.onHost(duet, "-H", `unix://${daemon.socket}`, "pull", "-q", "--all-platforms", name);
  await daemon.docker("tag", name, copy);
  await daemon.docker("rmi", name);
  const pushed = await daemon.docker("push", copy);
  assert.match(pushed, new RegExp(`1: digest: ${index.digest} size: ${index.size}`));
  const raw = await skopeo("inspect", "--raw", `docker://${copy}`);
  const own = await readFile(join(daemon.folder, "layout/blobs", index.digest.replace(":", "/")));
  assert.equal(raw, own.toString());
  await skopeo(
    "copy",
    "--all",
    "--preserve-digests",
    `docker://${copy}`,
    `dir:${join(daemon.folder, "back")}`,
  );
  for (const architecture of ["amd64", "arm64", "riscv64"])
    await daemon.docker(
      "create",
      "--platform",
      `linux/${architecture}`,
      "--name",
      architecture,
      copy,
    );
  await daemon.docker("rm", "amd64", "arm64", "riscv64");
  await daemon.docker("rmi", copy);
});

test("an index goes through an archive whole, and is pushed from there as it was", async () => {
  const name = `${registry}/many:1`;
  const duet = join(import.meta.dirname, "../../bin/duet");
  await daemon.onHost(duet, "-H", `unix://${daemon.socket}`, "pull", "-q", "--all-platforms", name);
  const archive = join(daemon.folder, "many.tar");
  await daemon.docker("save", "-o", archive, name);
  await daemon.docker("rmi", name);
  assert.match(await daemon.docker("load", "-i", archive), /Loaded image: .*many:1/);
  assert.equal(await created("--platform linux/arm64"), "arm64");
  assert.equal(await created(""), "amd64");
  const copy = `${registry}/from-archive:1`;
  await daemon.docker("tag", name, copy);
  assert.match(await daemon.docker("push", copy), new RegExp(`digest: ${index.digest}`));
  await daemon.docker("rmi", name, copy);
});

test("one platform alone is pushed by its own manifest, and annotations with it", async () => {
  const name = `${registry}/many:1`;
  const copy = `${registry}/single:1`;
  await daemon.docker("pull", "-q", name);
  await daemon.docker("tag", name, copy);
  await daemon.docker("push", "-q", copy);
  const manifest: unknown = JSON.parse(await skopeo("inspect", "--raw", `docker://${copy}`));
  assert.ok(typeof manifest === "object" && manifest !== null && "annotations" in manifest);
  assert.deepEqual(manifest.annotations, { "org.example.kept": "amd64" });
  await daemon.docker("rmi", name, copy);
});

test("without a tag every tag of the repository is pushed; one that is not there is told as Docker tells it", async () => {
  const name = `${registry}/many:1`;
  await daemon.docker("pull", "-q", name);
  for (const tag of ["a", "b"]) await daemon.docker("tag", name, `${registry}/tags:${tag}`);
  await daemon.docker("push", "-q", "--all-tags", `${registry}/tags`);
  for (const tag of ["a", "b"])
    await skopeo("inspect", "--raw", `docker://${registry}/tags:${tag}`);
  const absent = await daemon.tryDocker(["push", `${registry}/tags:c`]);
  assert.match(absent.stderr, /tag does not exist: .*\/tags:c/);
  const never = await daemon.tryDocker(["push", `${registry}/never:c`]);
  assert.match(never.stderr, /An image does not exist locally with the tag: .*\/never$/m);
  await daemon.docker("rmi", name, `${registry}/tags:a`, `${registry}/tags:b`);
});

test("what a registry has about an image is shown, attestations of an index with their platform", async () => {
  const duet = join(import.meta.dirname, "../../bin/duet");
  const name = `${registry}/many:1`;
  const shown = await daemon.onHost(
    duet,
    "-H",
    `unix://${daemon.socket}`,
    "image",
    "referrers",
    name,
  );
  const lines = shown.stdout.toString().trim().split("\n");
  assert.equal(lines[0], `${name}  ${index.digest}`);
  const amd64 = lines.findIndex((line) => line.includes("linux/amd64"));
  assert.match(lines[amd64 + 1] ?? "", /attestation-manifest  sha256:/);
});

test("`manifest` makes an index of images at a registry, also of other repositories, as Docker's own does", async () => {
  const duet = join(import.meta.dirname, "../../bin/duet");
  const ours = async (...words: string[]): Promise<string> => {
    const variables = `DOCKER_CONFIG=${join(daemon.folder, "docker-config")}`;
    const host = ["-H", `unix://${daemon.socket}`];
    const done = await daemon.onHost("env", variables, duet, ...host, "manifest", ...words);
    assert.equal(done.code, 0, done.stderr);
    return done.stdout.toString().trim();
  };
  const raw = JSON.parse(await skopeo("inspect", "--raw", `docker://${registry}/many:1`)) as {
    manifests: { digest: string; platform: { architecture: string } }[];
  };
  const source = (architecture: string): string =>
    `${registry}/many@${raw.manifests.find((one) => one.platform.architecture === architecture)?.digest}`;
  const list = `${registry}/made/list:1`;
  const [amd64, arm64] = [source("amd64"), source("arm64")];
  const gone = `${registry}/many:gone`;
  const host = ["-H", `unix://${daemon.socket}`];
  const failed = await daemon.tryOnHost([duet, ...host, "manifest", "create", list, amd64, gone]);
  assert.equal(failed.stderr, `duet: no such manifest: ${gone}\n`);
  assert.match(await ours("create", list, amd64, arm64), /Created manifest list/);
  await ours("annotate", "--variant", "v8", list, arm64);
  const shown = await ours("inspect", list);
  const digest = await ours("push", "--purge", list);
  assert.equal(await skopeo("inspect", "--raw", `docker://${list}`), shown);
  await daemon.docker("pull", "-q", "--platform", "linux/arm64", list);
  const digests = await daemon.docker("images", "--digests", "--format", "{{.Digest}}");
  assert.equal(digests.trim(), digest);
  await daemon.docker("rmi", list);
  // Docker's client does all of this itself, at the registry.
  const client = async (...words: string[]): Promise<void> => {
    const variables = `DOCKER_CONFIG=${join(daemon.folder, "docker-config")}`;
    const done = await daemon.onHost("env", variables, "docker", "manifest", ...words);
    assert.equal(done.code, 0, done.stderr);
  };
  const theirs = `${registry}/many:theirs`;
  await client("create", "--insecure", theirs, amd64, arm64);
  await client("push", "--insecure", theirs);
  await daemon.docker("pull", "-q", theirs);
  await daemon.docker("rmi", theirs);
});

test("names of one image whose layers are packed differently are pushed, saved and removed each as it is", async () => {
  const layout = await OciLayout.create(join(daemon.folder, "packed"));
  const files = { shared: "packed twice", other: "packed twice, too" };
  const names = { gzip: `${registry}/packed/gzip:1`, zstd: `${registry}/packed/zstd:1` };
  const digests = { gzip: "", zstd: "" };
  for (const packing of ["gzip", "zstd"] as const) {
    const entry = await layout.image("amd64", files, packing);
    digests[packing] = entry.digest;
    await layout.top(entry);
    const words = [`oci:${layout.folder}`, `docker://${names[packing]}`];
    await skopeo("copy", "--preserve-digests", ...words);
    await daemon.docker("pull", "-q", names[packing]);
  }
  const check = async (...packings: (keyof typeof names)[]): Promise<void> => {
    for (const packing of packings) {
      const copy = `${registry}/${packing}-${packings.length}:copy`;
      await daemon.docker("tag", names[packing], copy);
      const pushed = await daemon.docker("push", copy);
      assert.match(pushed, new RegExp(`copy: digest: ${digests[packing]}`), packing);
      await daemon.docker("rmi", copy);
    }
  };
  const listed = await daemon.docker(
    "images",
    "--digests",
    "--format",
    "{{.Repository}} {{.Digest}}",
  );
  for (const packing of ["gzip", "zstd"] as const)
    assert.ok(listed.includes(`${registry}/packed/${packing} ${digests[packing]}`), listed);
  assert.equal(new Set((await daemon.docker("images", "-q")).trim().split("\n")).size, 1);
  // Where both are tags of one repository it is one image with two digests, as in Docker.
  const tags = (["gzip", "zstd"] as const).map((packing) => `${registry}/packed/both:${packing}`);
  await daemon.docker("tag", names.gzip, tags[0]!);
  await daemon.docker("tag", names.zstd, tags[1]!);
  const both = [
    "images",
    "--digests",
    "--format",
    "{{.Tag}} {{.Digest}}",
    `${registry}/packed/both`,
  ];
  const shown = (text: string): string[] => text.trim().split("\n").toSorted();
  const wanted = ["gzip", "zstd"].flatMap((tag) =>
    Object.values(digests).map((digest) => `${tag} ${digest}`),
  );
  assert.deepEqual(shown(await daemon.docker(...both)), wanted.toSorted());
  const duet = join(import.meta.dirname, "../../bin/duet");
  const ours = await daemon.onHost(duet, "-H", `unix://${daemon.socket}`, ...both);
  assert.deepEqual(shown(ours.stdout.toString()), wanted.toSorted());
  const filters = encodeURIComponent(JSON.stringify({ reference: [`${registry}/packed/both`] }));
  const [image, ...others] = JSON.parse(
    await daemon.request("GET", `/images/json?filters=${filters}`).body,
  ) as ImageSummary[];
  assert.equal(others.length, 0);
  const repository = `${registry}/packed/both`;
  assert.deepEqual(image?.RepoTags, tags);
  assert.deepEqual(
    image?.RepoDigests,
    Object.values(digests)
      .map((digest) => `${repository}@${digest}`)
      .toSorted(),
  );
  await daemon.docker("rmi", ...tags);
  await daemon.docker("image", "prune", "-f");
  await check("gzip", "zstd");

  const archive = join(daemon.folder, "packed.tar");
  await daemon.docker("save", "-o", archive, names.gzip, names.zstd);
  await daemon.docker("rmi", names.gzip, names.zstd);
  await daemon.docker("load", "-i", archive);
  await check("zstd", "gzip");

  // What only the other name had goes with it, whichever came last.
  await daemon.docker("rmi", names.zstd);
  const gone = digests.zstd.replace("sha256:", "");
  const left = await daemon.onHost("find", join(daemon.folder, "data"), "-name", gone);
  assert.equal(left.stdout.toString(), "");
  await check("gzip");
  await daemon.docker("rmi", names.gzip);
});

test("an index that has an image twice, packed with gzip and with zstd, comes and goes whole", async () => {
  const layout = await OciLayout.create(join(daemon.folder, "twice"));
  const files = { twice: "in one index".repeat(1_000) };
  const entries = [await layout.image("amd64", files), await layout.image("amd64", files, "zstd")];
  const both = await layout.index(entries);
  const name = `${registry}/twice:1`;
  await skopeo("copy", "--all", "--preserve-digests", `oci:${layout.folder}`, `docker://${name}`);
  const size = ["image", "inspect", "--format", "{{.Size}}", name];
  await daemon.docker("pull", "-q", name);
  const alone = await daemon.docker(...size);
  await daemon.docker("rmi", name);
  const duet = join(import.meta.dirname, "../../bin/duet");
  await daemon.onHost(duet, "-H", `unix://${daemon.socket}`, "pull", "-q", "--all-platforms", name);
  assert.equal(await daemon.docker(...size), alone);
  await daemon.docker("image", "prune", "-f");
  const copy = `${registry}/twice:copy`;
  await daemon.docker("tag", name, copy);
  assert.match(await daemon.docker("push", copy), new RegExp(`digest: ${both.digest}`));
  const archive = join(daemon.folder, "twice.tar");
  await daemon.docker("save", "-o", archive, name);
  await daemon.docker("rmi", name, copy);
  await daemon.docker("load", "-i", archive);
  assert.equal(await daemon.docker(...size), alone);
  assert.match(await daemon.docker("push", name), new RegExp(`digest: ${both.digest}`));
  await daemon.docker("rmi", name);
  assert.equal(await daemon.docker("images", "-aq"), "");
});

test("a pull tells what it spent its time on: to who asks, in the log, and in the daemon's figures", async () => {
  const layout = await OciLayout.create(join(daemon.folder, "phases"));
  const { manifest, layer } = await layout.oneLayer({ phases: "are told" });
  await layout.top(manifest);
  const name = `${registry}/phases:1`;
  await skopeo("copy", "--preserve-digests", `oci:${layout.folder}`, `docker://${name}`);
  const duet = join(import.meta.dirname, "../../bin/duet");
  const timed = async (): Promise<string> => {
    const words = ["-H", `unix://${daemon.socket}`, "pull", "-q", "--timings", name];
    const { code, stdout, stderr } = await daemon.onHost(duet, ...words);
    assert.equal(code, 0, stderr);
    return stdout.toString();
  };
  const bytes = async (phase: string): Promise<number> => {
    const families = parseExposition(await daemon.request("GET", "/metrics").body);
    const family = families.get("duet_pull_phase_bytes_total");
    return family?.samples.find(({ labels }) => labels["phase"] === phase)?.value ?? 0;
  };
  const phases = ["download", "verify", "decompress", "write"];
  const before = await Promise.all(phases.map(bytes));
  const time = String.raw`[\d.]+ m?s(?: \([\d.]+k?B\))?`;
  const every = ["resolve", ...phases, "publish"].map((phase) => `${phase} ${time}`).join(", ");
  const line = (layers: string): RegExp =>
    new RegExp(`^Timings: ${time}; side by side: ${every}; layers: ${layers}$`, "m");
  assert.match(await timed(), line("1 from the registry"));
  const spent = (await Promise.all(phases.map(bytes))).map((now, index) => now - before[index]!);
  const tar = spent[2]!;
  assert.ok(tar >= 1_024, "a tar has that many at least");
  assert.deepEqual(spent, [layer.size, layer.size + tar, tar, layer.size + tar]);
  assert.match(await timed(), line("1 here already"));
  await daemon.docker("rmi", name);
  // Whoever wants the same at once waits for it.
  const earlier = await bytes("download");
  await Promise.all([1, 2, 3, 4].map(() => daemon.docker("pull", "-q", name)));
  assert.equal((await bytes("download")) - earlier, layer.size);
  const { stdout } = await daemon.tryDocker(["pull", `${registry}/phases:2`]);
  assert.ok(!stdout.includes("Timings"));
  const log = (await readFile(join(daemon.folder, "duetd.log"), "utf8")).trim().split("\n");
  const told = log
    .filter((each) => each.includes("phases:"))
    .map((each): unknown => JSON.parse(each))
    .map((each) => each as Record<string, unknown>);
  const words = told.map(({ event, outcome = null }) => [event, outcome]);
  assert.deepEqual(words.slice(0, 2), [
    ["image-pulled", "new"],
    ["image-pulled", "current"],
  ]);
  assert.equal(words.length, 7);
  assert.deepEqual(words.at(-1), ["image-not-pulled", null]);
  await daemon.docker("rmi", name);
});
