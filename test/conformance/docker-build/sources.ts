import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { imageArchive } from "../../e2e/images.ts";
import { makeProject } from "./project.ts";
import { filesUrl, movedBy, servedFolder, serveRepository } from "./servers.ts";

/** Contexts that are no folder of the client's. */
export function testSources(): void {
  test("a repository's URL is a context: its head, a tag, and a folder of it", async () => {
    const { folder, attempt } = await makeProject({
      Dockerfile: "FROM busybox\nCOPY a.txt /a\nRUN cat /a\n",
      "a.txt": "at the root\n",
      "part/Dockerfile": "FROM busybox\nCOPY b.txt /b\nRUN cat /b\n",
      "part/b.txt": "in a folder\n",
    });
    const url = await serveRepository(folder, "context");
    const expected = {
      "": /at the root/,
      "#v1": /at the root|CACHED/,
      "#main:part": /in a folder/,
    };
    for (const [fragment, said] of Object.entries(expected)) {
      const built = await attempt(["-t", "from-git", `${url}${fragment}`]);
      assert.equal(built.code, 0, built.stderr);
      assert.match(built.stderr, said);
      assert.match(built.stderr, /\[internal\] load git source http/);
    }
    const keep = ["--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1"];
    const dockerfile = "FROM busybox\nCOPY . /all\nRUN ls -A /all | grep -c '^[.]git$'";
    assert.equal((await attempt(["-f", "-", url], dockerfile)).code, 1);
    const whole = await attempt([...keep, "-f", "-", url], dockerfile);
    assert.equal(whole.code, 0, whole.stderr);
    const missing = await attempt(["-f", "None", url]);
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /failed to read dockerfile: open None: no such file or directory/);
  });

  test("a branch that moves while a build runs is one commit, as context and in ADD", async () => {
    const { folder, attempt } = await makeProject({ "a.txt": "of the first commit\n" });
    const url = await serveRepository(folder, "moving");
    const port = await movedBy(url);
    const dockerfile = `FROM busybox\nCOPY a.txt /\nRUN nc 127.0.0.1 ${port} < /dev/null\nADD ${url}#main /added/\nRUN cmp /a.txt /added/a.txt\n`;
    const built = await attempt(["--network=host", "-f", "-", `${url}#main`], dockerfile);
    assert.equal(built.code, 0, built.stderr);
    const after = await attempt(["-f", "-", `${url}#main`], "FROM busybox\nCOPY a.txt /\n");
    assert.match(after.stderr, /"\/a\.txt": not found/, "it has moved");
  });

  test("a URL of an archive, or of a Dockerfile alone, is a context", async () => {
    const { folder, attempt } = await makeProject({
      Dockerfile: "FROM busybox\nCOPY word.txt /w\nRUN cat /w\n",
      "word.txt": "from an archive\n",
    });
    const served = await servedFolder();
    await run("tar", ["-czf", join(served, "context.tar.gz"), "-C", folder, "."], {
      signal: never,
    });
    await writeFile(join(served, "Dockerfile"), "FROM busybox\nRUN echo a file alone\n");
    for (const [file, said] of [
      ["context.tar.gz", /from an archive/],
      ["Dockerfile", /a file alone/],
    ] as const) {
      const built = await attempt([`${filesUrl}/${file}`]);
      assert.equal(built.code, 0, built.stderr);
      assert.match(built.stderr, said);
    }
    const missing = await attempt([`${filesUrl}/none.tar.gz`]);
    assert.match(missing.stderr, /invalid response status 404/);
  });

  test("--build-context takes an image, an OCI layout, a repository and an archive's URL", async () => {
    const { folder, build } = await makeProject({
      Dockerfile: "FROM base\nCOPY --from=more /more.txt /\nRUN cat /more.txt\n",
      "more.txt": "from further away\n",
    });
    const url = await serveRepository(folder, "further");
    const archive = join(await servedFolder(), "further.tar");
    await run("tar", ["-cf", archive, "-C", folder, "more.txt"], { signal: never });
    await makeLayout(join(folder, "layout"));
    const pairs = [
      ["docker-image://busybox", url],
      ["oci-layout://layout:one", `${filesUrl}/further.tar`],
      ["oci-layout://layout:one", "."],
    ];
    for (const [base, more] of pairs) {
      const contexts = [`base=${base}`, `more=${more}`].flatMap((one) => ["--build-context", one]);
      assert.match(await build("--no-cache", ...contexts), /\d from further away/);
    }
  });
}

/** An OCI layout of the image busybox. */
async function makeLayout(folder: string): Promise<void> {
  await mkdir(folder);
  await run("tar", ["-xf", await imageArchive("busybox"), "-C", folder], { signal: never });
  const index = await run("cat", [join(folder, "index.json")], { signal: never });
  const { manifests } = JSON.parse(index.stdout.toString()) as { manifests: object[] };
  const annotations = { "org.opencontainers.image.ref.name": "one" };
  const named = manifests.map((manifest) => ({ ...manifest, annotations }));
  await writeFile(
    join(folder, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: named }),
  );
}
