import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { makeProject } from "./project.ts";

const isolations = ["container", "vm"] as const;

/** What the steps of a Dockerfile do, and how that is shown. */
export function testSteps(): void {
  test("docker build makes an image that runs, shows each step, and takes the next build from the cache", async () => {
    const { client, folder, build } = await makeProject({
      Dockerfile: `FROM busybox\nARG WHO=world\nCOPY hello.txt /hello.txt\nRUN echo greet $WHO && cat /hello.txt\nCMD ["cat", "/hello.txt"]\n`,
      "hello.txt": "hello\n",
    });
    const [id, about] = [join(folder, "id"), join(folder, "about.json")];
    const said = await build("-t", "first:1", "--iidfile", id, "--metadata-file", about);
    assert.match(said, /\[internal\] load build definition from Dockerfile/);
    assert.match(said, /\[internal\] load metadata for docker\.io\/library\/busybox:latest/);
    assert.match(said, /\[internal\] load \.dockerignore/);
    assert.match(said, /\[2\/3\] COPY hello\.txt \/hello\.txt/);
    assert.match(said, /#\d+ \d+\.\d+ greet world\n#\d+ \d+\.\d+ hello/);
    assert.match(said, /naming to docker\.io\/library\/first:1 done/);
    assert.equal(await client.docker("run", "--rm", "first:1"), "hello\n");
    const image = (await client.docker("inspect", "-f", "{{.Id}}", "first:1")).trim();
    assert.equal(await readFile(id, "utf8"), image);
    const metadata = JSON.parse(await readFile(about, "utf8")) as Record<string, unknown>;
    assert.equal(metadata["containerimage.config.digest"], image);
    assert.equal(metadata["image.name"], "docker.io/library/first:1");
    const again = await build("-t", "first:2");
    assert.match(again, /\[3\/3\] RUN .*\n#\d+ CACHED/);
    const other = await build("--build-arg", "WHO=you");
    assert.match(other, /\[2\/3\] COPY .*\n#\d+ CACHED/);
    assert.match(other, /greet you/);
    assert.match(await build("--no-cache"), /greet world/);
  });

  test("only files that have changed are sent again", async () => {
    const large = "x".repeat(3 << 20);
    const { build, write } = await makeProject({
      Dockerfile: "FROM busybox\nCOPY . /all\n",
      "large.bin": large,
      "small.txt": "one\n",
    });
    const sent = (said: string): string =>
      /load build context\n(?:#.*\n)*?#\d+ transferring context: (\S+)/.exec(said)?.[1] ?? said;
    assert.match(sent(await build()), /^3\.\d+MB$/);
    await write({ "small.txt": "two\n" });
    assert.match(sent(await build()), /^\d+B$/);
  });

  test("what .dockerignore names is not sent, and COPY of it fails as Docker says", async () => {
    const { build, attempt } = await makeProject({
      Dockerfile: "FROM busybox\nCOPY . /all\nRUN find /all -type f | sort\n",
      ".dockerignore": "# not this\n**/*.log\nsecret\n!keep.log\n",
      "a.log": "",
      "keep.log": "",
      "deep/b.log": "",
      "deep/c.txt": "",
      "secret/key": "",
    });
    const said = await build();
    const files = [...said.matchAll(/^#\d+ \d+\.\d+ (\/all\/.*)$/gm)].map(([, path]) => path);
    assert.deepEqual(files, [
      "/all/.dockerignore",
      "/all/Dockerfile",
      "/all/deep/c.txt",
      "/all/keep.log",
    ]);
    const input = "FROM busybox\nCOPY secret/key /\n";
    const refused = await attempt(["-f", "-", "."], input);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /"\/secret\/key": not found/);
  });

  for (const isolation of isolations) {
    const chosen = ["--build-arg", `DUET_ISOLATION=${isolation}`];

    test(`${isolation}: a step that fails shows its last output and its line, and leaves no image`, async () => {
      const { client, attempt } = await makeProject({
        Dockerfile: "FROM busybox\nRUN echo fine\nRUN echo before; exit 7\n",
      });
      const failed = await attempt([...chosen, "-t", `failed:${isolation}`, "."]);
      assert.equal(failed.code, 1);
      assert.match(failed.stderr, /> \[3\/3\] RUN echo before; exit 7:\n\d+\.\d+ before\n/);
      assert.match(
        failed.stderr,
        /Dockerfile:3\n-+\n {3}1 \| {5}FROM busybox\n[^>]*3 \| >>> RUN echo before; exit 7\n/,
      );
      const why = `process "/bin/sh -c echo before; exit 7" did not complete successfully: exit code: 7`;
      assert.ok(failed.stderr.includes(`failed to solve: ${why}`), failed.stderr);
      const image = await client.attempt(["image", "inspect", `failed:${isolation}`]);
      assert.equal(image.code, 1);
    });

    test(`${isolation}: secrets, further contexts, hosts and targets reach the steps`, async () => {
      const { client, folder, build, write } = await makeProject({
        Dockerfile: [
          "FROM busybox AS tool",
          "COPY --from=other file /file",
          "RUN --mount=type=secret,id=token,required cat /run/secrets/token",
          "RUN grep -E 'given|gate' /etc/hosts",
          "FROM tool AS unused",
          "RUN exit 1",
          "",
        ].join("\n"),
        token: "s3cret",
      });
      await write({ "elsewhere/file": "from elsewhere\n" });
      const tag = `parts:${isolation}`;
      const said = await build(
        ...chosen,
        ...["--secret", `id=token,src=${join(folder, "token")}`],
        ...["--build-context", "other=elsewhere", "--add-host", "given:192.0.2.7"],
        ...["--add-host", "gate:host-gateway"],
        ...["--target", "tool", "--label", "kind=test", "-t", tag],
      );
      assert.match(said, /\d s3cret/);
      assert.match(said, /\d 192\.0\.2\.7\s+given/);
      assert.match(said, /\d \d+\.\d+\.\d+\.\d+\s+gate\n/);
      assert.equal(await client.docker("run", "--rm", tag, "cat", "/file"), "from elsewhere\n");
      assert.equal(
        await client.docker("run", "--rm", tag, "sh", "-c", "ls /run/secrets 2>/dev/null | wc -l"),
        "0\n",
      );
      assert.match(
        await client.docker("inspect", "-f", "{{json .Config.Labels}}", tag),
        /"kind":"test"/,
      );
    });
  }

  for (const isolation of isolations) {
    test(`${isolation}: a build's arguments name its host and its cache mounts`, async () => {
      const { build } = await makeProject({
        Dockerfile: [
          "FROM busybox",
          "ARG WORD",
          `RUN --mount=type=cache,target=/c,id=${isolation} hostname; grep -c named.host /etc/hosts; echo ke''pt $(ls /c); touch /c/$WORD`,
        ].join("\n"),
      });
      const given = (word: string, ...more: readonly string[]): Promise<string> => {
        const words = [`DUET_ISOLATION=${isolation}`, `WORD=${word}`, ...more];
        return build(...words.flatMap((each) => ["--build-arg", each]));
      };
      const first = await given("one", "BUILDKIT_SANDBOX_HOSTNAME=named.host");
      assert.match(first, /\d named\.host\n.*\d 1\n.*\d kept\n/);
      if (isolation === "vm") return;
      const second = await given("two", "BUILDKIT_SANDBOX_HOSTNAME=named.host");
      assert.match(second, /\d kept one\n/);
      const apart = await given("three", "BUILDKIT_CACHE_MOUNT_NS=apart");
      assert.match(apart, /buildkitsandbox\n[^]*\d kept\n/);
      const more = ["--no-cache", "--build-arg", "WORD=four"];
      assert.match(await build(...more), /\d kept\n/, "--no-cache begins cache mounts anew");
    });
  }

  test("BUILDKIT_MULTI_PLATFORM tells a result by its platform", async () => {
    const { folder, build } = await makeProject({
      Dockerfile: "FROM scratch\nCOPY Dockerfile /\n",
    });
    const output = ["--platform", "linux/amd64", "-o", join(folder, "out")];
    await build("--build-arg", "BUILDKIT_MULTI_PLATFORM=1", ...output);
    assert.deepEqual(await readdir(join(folder, "out")), ["linux_amd64"]);
  });

  test("a word that is no isolation is refused before anything runs", async () => {
    const { attempt } = await makeProject({ Dockerfile: "FROM busybox\nRUN exit 1\n" });
    const refused = await attempt(["--build-arg", "DUET_ISOLATION=none", "."]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /invalid DUET_ISOLATION: "none"/);
  });

  test("a required secret that the client lacks fails the build, also where the step was done without", async () => {
    const { attempt, build, write } = await makeProject({
      Dockerfile: "FROM busybox\nRUN --mount=type=secret,id=token true\n",
    });
    await build();
    await write({ Dockerfile: "FROM busybox\nRUN --mount=type=secret,id=token,required true\n" });
    const failed = await attempt(["."]);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /secret token: not found/);
  });

  test("RUN --mount=type=ssh gives a socket to the client's agent, and without one fails where it is required", async (context) => {
    const { folder, build, attempt } = await makeProject({
      Dockerfile:
        "FROM busybox\nRUN --mount=type=ssh,required test -S $SSH_AUTH_SOCK && echo agent $SSH_AUTH_SOCK\n",
    });
    const agent = createServer((socket) => socket.end()).listen(join(folder, "agent"));
    context.after(() => void agent.close());
    await once(agent, "listening");
    const said = await build("--ssh", `default=${join(folder, "agent")}`);
    assert.match(said, /agent \/run\/buildkit\/ssh_agent\.0/);
    const refused = await attempt(["--no-cache", "."]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /ssh/);
  });
}
