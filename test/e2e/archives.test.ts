import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { configFor, file, hex, layerTar, tar } from "../drivers/archive/samples.ts";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { imageArchive, loadImages } from "./images.ts";
import { startRegistry } from "./registry.ts";
import { serveOnHost } from "./serve-on-host.ts";
import { ownerOfTests } from "./owner.ts";

/* Where images come from other than by a pull of one tag. */

let daemon: TestDaemon;
let folder: string;
let registry: string;
const owner = ownerOfTests();

before(async () => {
  const flags = [...containersOnly, "--build-address", "127.0.0.0/8"];
  daemon = await TestDaemon.start(owner, { flags });
  registry = await startRegistry(daemon);
  folder = join(daemon.folder, "files");
  await mkdir(join(folder, "root"), { recursive: true });
  await writeFile(join(folder, "root/file"), "from a tar");
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

/** Docker's archive of an image with one layer for each program, packed by it; `promised` are the layers that its configuration names. */
async function packedArchive(promised?: readonly Buffer[]): Promise<Packed> {
  const programs = ["xz", "bzip2"];
  const tars = await Promise.all(programs.map(layerTar));
  const layers = programs.map((name, index) => execFileSync(name, ["-c"], { input: tars[index] }));
  const config = configFor(promised ?? tars);
  const list = [
    {
      Config: "config.json",
      RepoTags: ["packed:1"],
      Layers: programs.map((name) => `${name}.tar`),
    },
  ];
  const members = layers.map((layer, index) => file(`${programs[index]}.tar`, layer));
  members.push(file("config.json", config), file("manifest.json", JSON.stringify(list)));
  await writeFile(join(folder, "packed.tar"), await tar(...members));
  return { config, layers };
}

interface Packed {
  readonly config: Buffer;
  readonly layers: readonly Buffer[];
}

/** What its layers have is there. */
async function checkPacked(name: string): Promise<void> {
  await daemon.docker("create", "--name", "unpacked", name);
  for (const program of ["xz", "bzip2"]) {
    await daemon.docker("cp", `unpacked:/${program}`, join(folder, "out"));
    assert.equal(await readFile(join(folder, "out"), "utf8"), `content of ${program}\n`);
  }
  await daemon.docker("rm", "unpacked");
}

test("layers that are packed with xz and bzip2 are loaded, and pushed with gzip as Docker does", async () => {
  await packedArchive();
  assert.match(await daemon.docker("load", "-i", join(folder, "packed.tar")), /packed:1/);
  await checkPacked("packed:1");
  const name = `${registry}/packed:1`;
  await daemon.docker("tag", "packed:1", name);
  await daemon.docker("push", "-q", name);
  const url = `docker://${name}`;
  const raw = await daemon.onHost("skopeo", "inspect", "--raw", "--tls-verify=false", url);
  const { layers } = JSON.parse(raw.stdout.toString()) as { layers: { mediaType: string }[] };
  const gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
  assert.deepEqual(
    layers.map(({ mediaType }) => mediaType),
    [gzip, gzip],
  );
  await daemon.docker("rmi", "packed:1", name);
  await packedArchive([await layerTar("xz"), await layerTar("another")]);
  const { stderr } = await daemon.tryDocker(["load", "-i", join(folder, "packed.tar")]);
  assert.match(stderr, /a layer has digest sha256:[0-9a-f]{64}, not the promised/);
  await daemon.docker("image", "prune", "-f");
  assert.deepEqual(await daemon.contentLeft(), []);
});

test("layers of a registry are taken by what they are, whatever of Docker's types they have", async () => {
  const { config, layers } = await packedArchive();
  const api = `http://${registry}/v2/typed`;
  const describe = async (mediaType: string, content: Buffer): Promise<object> => {
    const digest = `sha256:${hex(content)}`;
    await writeFile(join(folder, "blob"), content);
    await shell(
      `to=$(curl -fsS -D - -o /dev/null -X POST ${api}/blobs/uploads/ | tr -d '\\r' | sed -n 's/^[Ll]ocation: //p')
      curl -fsS -X PUT -H 'Content-Type: application/octet-stream' --data-binary @blob "$to&digest=${digest}"`,
    );
    return { mediaType, digest, size: content.length };
  };
  const pull = async (tag: string, type: (program: string) => string): Promise<string> => {
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const parts = [
      await describe(type("xz"), layers[0]!),
      await describe(type("bzip2"), layers[1]!),
    ];
    const own = await describe("application/vnd.oci.image.config.v1+json", config);
    const manifest = { schemaVersion: 2, mediaType, config: own, layers: parts };
    await writeFile(join(folder, "manifest"), JSON.stringify(manifest));
    const header = `-H 'Content-Type: ${mediaType}'`;
    await shell(`curl -fsS -X PUT ${header} --data-binary @manifest ${api}/manifests/${tag}`);
    return (await daemon.tryDocker(["pull", "-q", `${registry}/typed:${tag}`])).stderr;
  };
  const types = {
    named: (program: string) => `application/vnd.oci.image.layer.v1.tar+${program}`,
    lying: () => "application/vnd.oci.image.layer.v1.tar+gzip",
    docker: (program: string) => `application/vnd.docker.image.rootfs.diff.tar.${program}`,
    unnamed: () => "",
  };
  for (const [tag, type] of Object.entries(types)) {
    assert.equal(await pull(tag, type), "", tag);
    await checkPacked(`${registry}/typed:${tag}`);
    await daemon.docker("rmi", `${registry}/typed:${tag}`);
  }
  assert.match(await pull("odd", () => "application/vnd.example.thing"), /unsupported media type/);
  const encrypted = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted";
  assert.match(await pull("encrypted", () => encrypted), /unsupported media type .*encrypted/);
});

test("a file system is imported from a file and from a URL, packed or not", async () => {
  await shell("tar -C root -cJf r.tar.xz .; tar -C root -cjf r.tar.bz2 .");
  await daemon.docker("import", join(folder, "r.tar.xz"), "imported:file");
  const program = join(import.meta.dirname, "file-server.ts");
  await serveOnHost(daemon, [process.execPath, program, folder, "8099"]);
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
