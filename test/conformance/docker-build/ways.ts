import assert from "node:assert/strict";
import { lstat, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { makeProject } from "./project.ts";

const tree = [
  "FROM busybox AS base",
  "RUN mkdir -p /out/sub && echo one > /out/one && chmod 4751 /out/one && ln -s one /out/link",
  "RUN ln /out/one /out/sub/same && head -c 300000 /dev/zero > /out/big && touch -d @1000000000 /out/sub",
  "FROM scratch",
  "COPY --from=base /out /",
  "",
].join("\n");

/** Where a build comes from and where its result goes. */
export function testWays(): void {
  test("--output type=local gives the client the result's files as they are", async () => {
    const { folder, build } = await makeProject({ Dockerfile: tree });
    const said = await build("--output", "type=local,dest=result");
    assert.match(said, /exporting to client directory/);
    const result = join(folder, "result");
    assert.equal(await readFile(join(result, "one"), "utf8"), "one\n");
    assert.equal((await lstat(join(result, "one"))).mode & 0o7777, 0o4751);
    assert.equal(await readlink(join(result, "link")), "one");
    const [one, same] = [await lstat(join(result, "one")), await lstat(join(result, "sub/same"))];
    assert.equal(same.ino, one.ino);
    assert.equal((await lstat(join(result, "big"))).size, 300_000);
    assert.equal((await lstat(join(result, "sub"))).mtimeMs, 1_000_000_000_000);
  });

  test("--output type=tar gives one archive, type=docker one that docker load takes", async () => {
    const { client, folder, build } = await makeProject({ Dockerfile: tree });
    await build("--output", "type=tar,dest=tree.tar");
    const list = await run("tar", ["-tf", join(folder, "tree.tar")], { signal: never });
    const names = list.stdout.toString().split("\n").filter(Boolean).toSorted();
    assert.deepEqual(names, ["big", "link", "one", "sub/", "sub/same"]);
    const before = await client.docker("images", "-aq");
    for (const type of ["docker", "oci"]) {
      const [file, tag] = [join(folder, `${type}.tar`), `exported:${type}`];
      const said = await build("--output", `type=${type},dest=${file}`, "-t", tag);
      assert.match(said, new RegExp(`exporting to ${type} image format`));
      const inside = await run("tar", ["-tf", file], { signal: never });
      assert.match(inside.stdout.toString(), /^index\.json$/m);
    }
    assert.equal(await client.docker("images", "-aq"), before);
    assert.match(
      await client.docker("load", "-i", join(folder, "docker.tar")),
      /Loaded image: exported:docker/,
    );
  });

  test("a Dockerfile, or a whole context as an archive, comes in by standard input", async () => {
    const { folder, attempt, write } = await makeProject({ "a.txt": "from a\n" });
    const dockerfile = "FROM busybox\nCOPY a.txt /\nRUN cat /a.txt\n";
    const first = await attempt(["-f", "-", "."], dockerfile);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /from a/);
    const alone = await attempt(["-"], "FROM busybox\nRUN echo alone\n");
    assert.equal(alone.code, 0, alone.stderr);
    assert.match(alone.stderr, /alone/);
    await write({ "Other.Dockerfile": "FROM busybox\nCOPY a.txt /b\nRUN echo tar; cat /b\n" });
    for (const compression of ["--no-auto-compress", "--gzip"]) {
      const words = compression === "--gzip" ? ["-z"] : [];
      const tar = await run("tar", [...words, "-cC", folder, "."], { signal: never });
      const whole = await attempt(["--no-cache", "-f", "Other.Dockerfile", "-"], tar.stdout);
      assert.equal(whole.code, 0, whole.stderr);
      assert.match(whole.stderr, /tar\n.*from a/);
    }
  });

  test("--check tells a Dockerfile's faults, --call its targets and arguments, and nothing is built", async () => {
    const { attempt, client } = await makeProject({
      Dockerfile: [
        "ARG UNUSED=1",
        "ARG TAG=latest",
        "ARG IMAGE=busybox:$TAG",
        "# part the first part",
        "FROM $IMAGE AS part",
        "# SPEED how fast",
        "ARG SPEED=3",
        "RUN --mount=type=secret,id=key true",
        "from busybox",
        "MAINTAINER nobody",
        "",
      ].join("\n"),
    });
    const before = await client.docker("images", "-aq");
    const checked = await attempt(["--check", "."]);
    assert.equal(checked.code, 1);
    assert.match(checked.stdout.toString(), /WARNING: MaintainerDeprecated - https:/);
    assert.match(
      checked.stdout.toString(),
      /Dockerfile:10\n-+\n {3}8 \|[^>]*10 \| >>> MAINTAINER nobody/,
    );
    const targets = await attempt(["--call=targets", "."]);
    assert.match(targets.stdout.toString(), /part\s+the first part\n/);
    const outline = await attempt(["--call=outline", "--target=part", "."]);
    assert.match(outline.stdout.toString(), /SPEED\s+3\s+how fast/);
    assert.match(outline.stdout.toString(), /IMAGE\s+busybox:latest\s/);
    assert.doesNotMatch(outline.stdout.toString(), /UNUSED/);
    assert.match(outline.stdout.toString(), /SECRET[^\n]*\nkey/);
    assert.equal(await client.docker("images", "-aq"), before);
  });

  test("progress is shown as JSON, and on a terminal as it moves", async () => {
    const { client, folder } = await makeProject({
      Dockerfile: "FROM busybox\nRUN echo from the step\n",
    });
    const raw = await client.succeed(["build", "--no-cache", "--progress=rawjson", folder]);
    const lines = raw.stderr
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map(
        (line) => JSON.parse(line) as { logs?: { data: string }[]; vertexes?: { name: string }[] },
      );
    const logs = lines.flatMap((line) => line.logs ?? []);
    const text = logs.map(({ data }) => Buffer.from(data, "base64").toString()).join("");
    assert.equal(text, "from the step\n");
    const names = lines.flatMap((line) => (line.vertexes ?? []).map(({ name }) => name));
    assert.ok(names.includes("[2/2] RUN echo from the step"));
    const shown = await client.onTerminal(["build", "--progress=tty", folder]);
    assert.equal(shown.code, 0);
    assert.match(shown.stdout.toString(), /\[\+\] Building .*FINISHED/);
    assert.match(shown.stdout.toString(), /CACHED \[2\/2\] RUN echo from the step/);
  });

  test("a front end that is an image of its own is refused, Docker's own is the one that is here", async () => {
    const { attempt, build, write } = await makeProject({
      Dockerfile: "# syntax=docker/dockerfile:1\nFROM busybox\n",
    });
    await build();
    await write({ Dockerfile: "# syntax=example.org/front/end:1\nFROM busybox\n" });
    const refused = await attempt(["."]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /front end "example\.org\/front\/end:1" is not supported/);
  });

  test("a front end that the client names is Docker's own, or refused", async () => {
    const { build, attempt } = await makeProject({
      Dockerfile: "FROM busybox\nRUN echo bu''ilt\n",
    });
    const front = "BUILDKIT_SYNTAX=docker/dockerfile:1.4";
    assert.match(await build("--no-cache", "--build-arg", front), /\d built/);
    const refused = await attempt(["--build-arg", "BUILDKIT_SYNTAX=example.com/other:1", "."]);
    assert.match(refused.stderr, /the front end "example\.com\/other:1" is not supported/);
  });

  test("an output that is not there is refused in words", async () => {
    const { attempt } = await makeProject({ Dockerfile: "FROM busybox\n" });
    const squashed = await attempt(["--output", "type=image,compression=estargz", "."]);
    assert.equal(squashed.code, 1);
    assert.match(squashed.stderr, /layers compressed by "estargz" are not supported/);
  });
}
