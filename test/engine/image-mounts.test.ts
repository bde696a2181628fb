import assert from "node:assert/strict";
import { once } from "node:events";
import { watch } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { never } from "../../src/kit/abort.ts";
import { run, type RunResult } from "../../src/kit/subprocess.ts";
import type { ContainerInspect } from "../../src/spec/docker/container.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";
import { OciLayout } from "../e2e/oci-layout.ts";
import { ownerOfTests } from "../e2e/owner.ts";

const program = join(import.meta.dirname, "../../bin/duet");
const owner = ownerOfTests();
let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start(owner);
  await loadImages(daemon, "busybox", "hello-world");
});

/** The installed docker client speaks no version of the API that has mounts of images. */
async function duet(...args: string[]): Promise<RunResult> {
  return await run(program, ["--host", `unix://${daemon.socket}`, ...args], {
    signal: AbortSignal.timeout(300_000),
    okCodes: "any",
  });
}

async function shell(isolation: string, mount: string, line: string): Promise<string> {
  const flags = ["--name", "sh", `--isolation=${isolation}`, "--mount", mount];
  const { stdout, stderr } = await duet("run", ...flags, "busybox", "sh", "-c", line);
  await daemon.docker("rm", "sh");
  return stdout.toString() + stderr.replace(/^WARNING: .*\n/m, "");
}

async function mountsLeft(): Promise<string> {
  const { stdout } = await daemon.onHost("cat", "/proc/self/mounts");
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line.includes(join(daemon.folder, "run/m/")))
    .join("\n");
}

for (const isolation of ["container", "vm"]) {
  test(`of a ${isolation}: an image's files are mounted, to be read only`, async () => {
    const whole = "type=image,source=hello-world,target=/other";
    const listed = await shell(isolation, whole, "ls -a /other; touch /other/x; echo $?");
    assert.match(listed, /hello/);
    assert.match(listed, /Read-only file system/);
    const part = "type=image,src=busybox,dst=/x,image-subpath=";
    assert.match(await shell(isolation, `${part}etc`, "cat /x/passwd"), /^root:/);
    assert.match(await shell(isolation, `${part}etc/passwd`, "cat /x"), /^root:/);
    assert.equal(await mountsLeft(), "");
  });
}

test("an image of as many layers as there may be is mounted", async () => {
  const layout = await OciLayout.create(join(daemon.folder, "many"));
  const names = Array.from({ length: 125 }, (_, index) => `file${index}`);
  const files = Object.fromEntries(names.map((name) => [name, name]));
  await layout.top(await layout.image("amd64", files, "none"));
  const archive = join(daemon.folder, "many.tar");
  await run("tar", ["-C", layout.folder, "-cf", archive, "."], { signal: never });
  const loaded = await daemon.docker("load", "-i", archive);
  await daemon.docker("tag", /sha256:\w{64}/.exec(loaded)?.[0] ?? loaded, "many");
  const list = "type=image,source=many,target=/other";
  const listed = await shell("container", list, "ls /other; cat /other/file0 /other/file124");
  assert.match(listed, /file0file124$/);
  assert.equal(listed.split("\n").length, 126);
  await daemon.docker("rmi", "many");
  assert.equal(await mountsLeft(), "");
});

test("a mounted image may be removed, and what is mounted of it stays until its container goes", async () => {
  const mount = "type=image,source=hello-world,target=/other";
  const words = ["--name", "box", "--mount", mount, "busybox", "sleep", "1000"];
  assert.match(
    (await duet("run", "-d", ...words)).stderr,
    /Image mount is an experimental feature/,
  );
  await daemon.docker("rmi", "hello-world");
  await daemon.docker("exec", "box", "test", "-f", "/other/hello");
  await daemon.end("SIGKILL");
  await daemon.launch();
  await daemon.docker("restart", "-t", "0", "box");
  await daemon.docker("exec", "box", "test", "-f", "/other/hello");
  const inspected = await daemon.request("GET", "/v1.51/containers/box/json").body;
  const [shown] = (JSON.parse(inspected) as ContainerInspect).Mounts;
  assert.deepEqual(
    [shown?.Type, shown?.Name, shown?.Destination, shown?.RW, shown?.Propagation],
    ["image", "hello-world", "/other", false, "rprivate"],
  );
  await daemon.docker("kill", "box");
  await daemon.docker("wait", "box");
  await daemon.docker("cp", "box:/other/hello", join(daemon.folder, "copied"));
  await daemon.docker("rm", "box");
  assert.equal(await mountsLeft(), "");
  await daemon.docker("image", "prune", "-f");
  await loadImages(daemon, "hello-world");
});

test("an image mount that makes no sense is refused at create, one whose part is not there at start", async () => {
  const refused = async (mount: string): Promise<string> => {
    const { code, stderr } = await duet("run", "--name", "no", "--mount", mount, "busybox", "true");
    assert.notEqual(code, 0, mount);
    await daemon.tryDocker(["rm", "no"]);
    return stderr;
  };
  assert.match(await refused("type=image,target=/x"), /field Source must not be empty/);
  const part = "type=image,source=busybox,target=/x,image-subpath=";
  for (const path of ["../etc", "/etc"])
    assert.match(await refused(`${part}${path}`), /subpath must be a relative path/);
  assert.match(await refused(`${part}absent`), /absent/);
  const create = async (version: string, source: string): Promise<string> => {
    const mounts = [{ Type: "image", Source: source, Target: "/x" }];
    const answer = await daemon.onHost(
      "curl",
      ...["-s", "--unix-socket", daemon.socket, "-H", "Content-Type: application/json", "-d"],
      JSON.stringify({ Image: "busybox", HostConfig: { Mounts: mounts } }),
      `http://engine/v${version}/containers/create`,
    );
    return answer.stdout.toString();
  };
  assert.match(await create("1.47", "busybox"), /Mount type \\"Image\\" needs API v1.48/);
  assert.match(await create("1.51", "no-such"), /No such image: no-such:latest/);
  assert.equal(await mountsLeft(), "");
});

test("a container whose mounted image goes while it is made is refused, and leaves nothing", async (context) => {
  const held = await TestDaemon.start(context, {
    flags: containersOnly,
    failpoints: "create.root=hold",
  });
  await loadImages(held, "busybox", "hello-world");
  const watcher = watch(join(held.folder, "data/containers"));
  context.after(() => watcher.close());
  const made = once(watcher, "change");
  const mount = ["--mount", "type=image,source=hello-world,target=/other"];
  const flags = ["--host", `unix://${held.socket}`, "create", "--pull=never", ...mount, "busybox"];
  const creating = run(program, flags, { signal: AbortSignal.timeout(180_000), okCodes: "any" });
  await made;
  await held.docker("rmi", "hello-world");
  held.signal("SIGUSR2");
  assert.match((await creating).stderr, /No such image: hello-world/);
  assert.equal(await held.docker("ps", "-aq"), "");
  await held.assertNothingOf("hello-world");
});
