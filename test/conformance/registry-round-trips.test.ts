import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { serveRegistry } from "../../bench/registry.ts";
import { never } from "../../src/kit/abort.ts";
import { isDuetError } from "../../src/kit/errors.ts";
import { Scope } from "../../src/kit/scope.ts";
import { peersFolder } from "../../tools/peers/bring.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { imageArchive, loadImages } from "../e2e/images.ts";
import { startDocker } from "./differential/engines.ts";
import type { Engine } from "./differential/play.ts";
import { ownerOfTests } from "../e2e/owner.ts";

const podmanProgram = join(peersFolder("sid"), "usr/bin/podman");
const needsPodman = existsSync(podmanProgram) ? {} : { skip: "podman's packages are not unpacked" };
const owner = ownerOfTests();
let daemon: TestDaemon;
let registry: string;
let docker: Engine | undefined;
let whyNot = "";

before(async () => {
  daemon = await TestDaemon.start(owner, { flags: containersOnly });
  const scope = new Scope();
  owner.after(async () => await scope[Symbol.asyncDispose]());
  try {
    docker = await startDocker("", join(daemon.folder, "docker"), scope, never);
  } catch (error) {
    if (!isDuetError(error, "unavailable")) throw error;
    whyNot = error.message;
    return;
  }
  // One storage behind two registries: each engine reaches that of its own loopback.
  const storage = join(daemon.folder, "storage");
  await mkdir(storage);
  for (const pid of [await pidIn("run/duetd.pid"), await pidIn("docker/docker.pid")]) {
    const served = await serveRegistry(storage, pid, never);
    scope.defer(async () => await served[Symbol.asyncDispose]());
    registry = served.host;
  }
  await loadImages(daemon, "busybox");
});

/** A test that needs a real dockerd of this host. */
function beside(name: string, work: () => Promise<void>, options = {}): void {
  test(name, options, async (context) => {
    if (docker === undefined) context.skip(whyNot);
    else await work();
  });
}

async function pidIn(file: string): Promise<number> {
  return Number(await readFile(join(daemon.folder, file), "utf8"));
}

/** Runs a program beside the daemon; throws where it fails. */
async function text(program: string, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.tryOnHost([program, ...words]);
  assert.equal(code, 0, `${program} ${words.join(" ")}: ${stderr}`);
  return stdout.toString().trim();
}

async function dockers(...words: string[]): Promise<string> {
  return await text("docker", "-H", `unix://${docker?.socket}`, ...words);
}

async function podman(...words: string[]): Promise<string> {
  const folder = join(daemon.folder, "podman");
  const places = ["root", "runroot", "tmpdir"].map((name) => `--${name}=${join(folder, name)}`);
  const settings = `CONTAINERS_CONF=${join(daemon.folder, "containers.conf")}`;
  return await text("env", settings, podmanProgram, ...places, "--storage-driver=vfs", ...words);
}

async function skopeo(verb: "copy" | "inspect", ...words: string[]): Promise<string> {
  const flags = {
    copy: ["--src-tls-verify=false", "--dest-tls-verify=false"],
    inspect: ["--tls-verify=false"],
  };
  return await text("skopeo", "--insecure-policy", verb, ...flags[verb], ...words);
}

const idOf = ["inspect", "--type=image", "--format", "{{.Id}}"];
const bare = (id: string): string => id.trim().replace("sha256:", "");

async function ownId(name: string): Promise<string> {
  return bare(await daemon.docker(...idOf, name));
}

/** Pulls it with Duet, runs it, and sends it on: the manifest that comes out is the one that came in. */
async function comesAndGoes(name: string): Promise<void> {
  await daemon.docker("pull", "-q", name);
  assert.equal(await daemon.docker("run", "--rm", name, "echo", "whole"), "whole\n");
  const on = `${name}-on`;
  await daemon.docker("tag", name, on);
  await daemon.docker("push", "-q", on);
  const raw = (which: string): Promise<string> => skopeo("inspect", "--raw", `docker://${which}`);
  assert.equal(await raw(on), await raw(name));
  await daemon.docker("rmi", name, on);
}

beside("what Duet pushed, Docker and skopeo pull, and it is the same image", async () => {
  const name = `${registry}/duet/box:1`;
  await daemon.docker("tag", "busybox", name);
  await daemon.docker("push", "-q", name);
  const id = await ownId(name);
  await dockers("pull", "-q", name);
  assert.equal(bare(await dockers(...idOf, name)), id);
  await dockers("rmi", name);
  const raw: unknown = JSON.parse(await skopeo("inspect", "--raw", `docker://${name}`));
  assert.match(JSON.stringify(raw), new RegExp(id));
  await skopeo("copy", `docker://${name}`, `dir:${join(daemon.folder, "copied")}`);
  await daemon.docker("rmi", name);
});

beside("what Docker pushed, Duet pulls, runs and sends on", async () => {
  const name = `${registry}/docker/box:1`;
  await dockers("load", "-q", "-i", await imageArchive("busybox"));
  await dockers("tag", "busybox", name);
  await dockers("push", "-q", name);
  await comesAndGoes(name);
});

beside(
  "what skopeo pushed in either format, with gzip or zstd, Duet pulls, runs and sends on",
  async () => {
    const source = `docker-archive:${await imageArchive("busybox")}`;
    for (const [tag, flags] of Object.entries({
      oci: ["--format", "oci"],
      docker: ["--format", "v2s2"],
      zstd: ["--format", "oci", "--dest-compress-format", "zstd"],
    })) {
      const name = `${registry}/skopeo/box:${tag}`;
      await skopeo("copy", ...flags, source, `docker://${name}`);
      await comesAndGoes(name);
    }
  },
);

beside(
  "what Podman pushed comes here, zstd:chunked too, and what Duet pushed goes there",
  async () => {
    const root = peersFolder("sid");
    const settings = [
      "[engine]",
      `conmon_path=["${root}/usr/bin/conmon"]`,
      `helper_binaries_dir=["${root}/usr/lib/podman", "${root}/usr/libexec/podman"]`,
      'cgroup_manager="cgroupfs"',
      'events_logger="file"',
      'runtime="runc"',
      "",
    ].join("\n");
    await writeFile(join(daemon.folder, "containers.conf"), settings);
    await podman("load", "-q", "-i", await imageArchive("busybox"));
    for (const format of ["gzip", "zstd", "zstd:chunked"]) {
      const name = `${registry}/podman/box:${format.replace(":", "-")}`;
      const flags = ["--tls-verify=false", "--compression-format", format, "--force-compression"];
      await podman("push", "-q", ...flags, "busybox", name);
      await comesAndGoes(name);
    }
    const name = `${registry}/to-podman:1`;
    await daemon.docker("tag", "busybox", name);
    await daemon.docker("push", "-q", name);
    await podman("pull", "-q", "--tls-verify=false", name);
    assert.equal(bare(await podman(...idOf, name)), await ownId(name));
  },
  needsPodman,
);

beside("archives go from each to each", async () => {
  const own = join(daemon.folder, "own.tar");
  await daemon.docker("save", "-o", own, "busybox");
  await dockers("rmi", "-f", "busybox");
  assert.match(await dockers("load", "-q", "-i", own), /Loaded image: busybox:latest/);
  for (const kind of ["docker-archive", "oci-archive"])
    await skopeo("copy", `${kind}:${own}`, `dir:${join(daemon.folder, kind)}`);
  const theirs = join(daemon.folder, "theirs.tar");
  await dockers("tag", "busybox", "theirs");
  await dockers("save", "-o", theirs, "theirs");
  await daemon.docker("load", "-q", "-i", theirs);
  assert.equal(await daemon.docker("run", "--rm", "theirs", "echo", "whole"), "whole\n");
  await daemon.docker("rmi", "theirs");
});
