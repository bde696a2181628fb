import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { run, type RunResult } from "../../src/kit/subprocess.ts";
import { buildImage, imageFile, rebuildImage } from "../../images/build.ts";
import { isDuetError } from "../../src/kit/errors.ts";

const signal = AbortSignal.timeout(1_150_000);
let folder = "";

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "duet-recipes-"));
});
after(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The image's root, unpacked by GNU tar, which is not the code that packed it. */
async function unpack(name: string): Promise<string> {
  const place = join(folder, `${name}-layout`);
  const root = join(folder, `${name}-root`);
  await run("mkdir", ["-p", place, root], { signal });
  await run("tar", ["-xf", await imageFile(name, signal), "-C", place], { signal });
  const [manifest] = JSON.parse(await readFile(join(place, "manifest.json"), "utf8")) as [
    { Layers: string[] },
  ];
  for (const layer of manifest.Layers) {
    await run("tar", ["-xpzf", join(place, layer), "-C", root], { signal });
  }
  return root;
}

/** Runs a program of an unpacked image, with the host's kernel and nothing else of the host. */
function inside(root: string, ...command: string[]): Promise<RunResult> {
  return run("chroot", [root, ...command], { signal });
}

test("hello-world greets and names the kernel that it ran on", async () => {
  const { stdout } = await inside(await unpack("hello-world"), "/hello");
  assert.match(stdout.toString(), /^Hello from Duet!$/m);
  assert.match(
    stdout.toString(),
    new RegExp(`Linux ${release().replaceAll(".", "\\.")} as process`),
  );
});

test("busybox has a shell, its applets, users and a temporary folder for all", async () => {
  const root = await unpack("busybox");
  const script = "id -un; stat -c %a /tmp; echo a b | awk '{print $2}'; /bin/ls /usr/bin/vi";
  const { stdout } = await inside(root, "/bin/sh", "-c", script);
  assert.equal(stdout.toString(), "root\n1777\nb\n/usr/bin/vi\n");
});

test("nginx finds its libraries and its configuration, and welcomes", async () => {
  const root = await unpack("nginx");
  const { stdout } = await inside(root, "/usr/sbin/nginx", "-V");
  assert.equal(stdout.toString(), "");
  const { stderr } = await inside(root, "/usr/sbin/nginx", "-t", "-g", "error_log /dev/null;");
  assert.match(stderr, /test is successful/);
  const page = await readFile(join(root, "usr/share/nginx/html/index.html"), "utf8");
  assert.match(page, /Welcome to nginx!/);
  const { stdout: shell } = await inside(
    root,
    "/bin/bash",
    "-c",
    "echo $BASH_VERSION; ls / | head -1",
  );
  assert.match(shell.toString(), /^5\..*\nbin\n$/);
});

test("an image's digests are those of its bytes, and skopeo reads it", async () => {
  const file = await imageFile("busybox", signal);
  const { stdout } = await run("skopeo", ["inspect", "--config", `oci-archive:${file}`], {
    signal,
    env: { TMPDIR: folder },
  });
  const config = JSON.parse(stdout.toString()) as { rootfs: { diff_ids: string[] } };
  const place = join(folder, "digests");
  await run("mkdir", ["-p", place], { signal });
  await run("tar", ["-xf", file, "-C", place], { signal });
  const { stdout: blobs } = await run("find", [join(place, "blobs/sha256"), "-type", "f"], {
    signal,
  });
  for (const path of blobs.toString().trim().split("\n")) {
    const digest = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    assert.ok(path.endsWith(`/${digest}`));
  }
  assert.equal(config.rootfs.diff_ids.length, 1);
});

test("building again gives the same bytes", async () => {
  const one = await readFile(await rebuildImage("hello-world", signal));
  const two = join(folder, "two.tar");
  await rebuildImage("hello-world", signal);
  await buildImage("hello-world", two, signal);
  assert.ok(one.equals(await readFile(two)));
});

test("a recipe that does not exist is refused with the names that do", async () => {
  await assert.rejects(
    imageFile("../nginx", signal),
    (error) => isDuetError(error, "not-found") && /nginx/.test(error.hint ?? ""),
  );
});
