import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { run, type RunResult } from "../../../src/kit/subprocess.ts";
import { containersOnly, TestDaemon } from "../daemon.ts";
import { loadImages } from "../images.ts";

const program = join(import.meta.dirname, "../../../bin/duet");
const buildMilliseconds = 300_000;

describe("the steps of a build", { timeout: 1_500_000 }, () => {
  let daemon: TestDaemon;
  let folder: string;
  const undo: (() => Promise<void>)[] = [];
  before(async () => {
    const owner = { after: (done: () => Promise<void>) => void undo.push(done) };
    daemon = await TestDaemon.start(owner, { flags: containersOnly });
    await loadImages(daemon, "busybox");
    folder = join(daemon.folder, "context");
    await mkdir(folder);
    await writeFile(join(folder, "file"), "of the context\n");
  });
  after(async () => {
    for (const done of undo) await done();
  });

  async function build(dockerfile: string, args: readonly string[] = []): Promise<RunResult> {
    return await run(program, ["build", "--progress", "plain", ...args, "-f", "-", folder], {
      signal: AbortSignal.timeout(buildMilliseconds),
      input: dockerfile,
      okCodes: "any",
      env: { DUET_HOST: `unix://${daemon.socket}` },
    });
  }

  async function built(dockerfile: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await build(dockerfile, args);
    assert.equal(code, 0, stderr);
    return stdout.toString() + stderr;
  }

  const output = async (image: string, ...command: string[]): Promise<string> =>
    await daemon.docker("run", "--rm", image, ...command);

  test("a stage that runs beside one that failed is broken off", async () => {
    const mount = "RUN --mount=type=cache,target=/between";
    const { code, stdout, stderr } = await build(
      `FROM busybox AS endless
${mount} touch /between/begun && sleep 1000000
FROM busybox AS failing
${mount} until [ -e /between/begun ]; do sleep 0.1; done; exit 3
FROM busybox
COPY --from=endless /file /
COPY --from=failing /file /
`,
    );
    assert.equal(code, 1);
    const shown = stdout.toString() + stderr;
    assert.match(shown, /^#(\d+) \[endless 2\/2\][^]*^#\1 CANCELED$/m);
    assert.match(shown, /^duet: process .* did not complete successfully: exit code: 3$/m);
  });

  test("mounts are there for the step, and nothing of them is in its layer", async () => {
    const secret = join(daemon.folder, "secret");
    await writeFile(secret, "hush-4711");
    const shown = await built(
      `# syntax=docker/dockerfile:1
FROM busybox AS other
RUN mkdir /things && echo thing > /things/one
FROM busybox
RUN --mount=type=cache,target=/deep/cache echo kept >> /deep/cache/list
RUN --mount=type=cache,target=/deep/cache cat /deep/cache/list > /list
RUN --mount=type=bind,target=/context cat /context/file > /copied; ! touch /context/new
RUN --mount=type=bind,from=other,source=/things,target=/things,rw touch /things/two && ls /things > /seen
RUN --mount=type=tmpfs,target=/memory touch /memory/gone
RUN --mount=type=secret,id=token wc -c < /run/secrets/token > /length; stat -c %a /run/secrets/token >> /length
RUN --mount=type=secret,id=token,target=/root/deep/token,mode=0444 cat /root/deep/token > /dev/null
RUN true
`,
      ...["--secret", `id=token,src=${secret}`, "-t", "mounts"],
    );
    assert.ok(!shown.includes("hush-4711"), shown);
    const look =
      "cat /list /copied /seen /length; ls -d /deep /context /things /memory /root/deep; ls /run";
    const seen = await daemon.tryDocker(["run", "--rm", "mounts", "sh", "-c", `${look}; true`]);
    assert.equal(seen.stdout.toString(), "kept\nof the context\none\ntwo\n9\n400\n");
    const grep = ["-r", "-l", "hush-4711", join(daemon.folder, "data"), join(daemon.folder, "run")];
    const found = await run("grep", grep, {
      signal: AbortSignal.timeout(buildMilliseconds),
      okCodes: [0, 1, 2],
    });
    assert.equal(found.stdout.toString(), "");
  });

  test("a step that runs leaves no places that its runtime mounted on", async () => {
    await built(
      "FROM scratch\nCOPY --from=busybox / /\nRUN rm /etc/passwd && echo x > /made\n",
      "-t",
      "bare",
    );
    const archive = join(daemon.folder, "bare.tar");
    await daemon.docker("save", "-o", archive, "bare");
    const names = await lastLayer(archive, join(daemon.folder, "bare"));
    assert.deepEqual(names, ["etc/", "etc/.wh.passwd", "made"]);
  });

  test("a step that fails is told with its output and code, and leaves nothing behind", async () => {
    const failing = "FROM busybox\nRUN echo before\nRUN echo the reason >&2; exit 7\n";
    const { code, stderr } = await build(failing);
    assert.notEqual(code, 0);
    assert.match(stderr, /the reason/);
    assert.match(stderr, /did not complete successfully: exit code: 7/);
    await daemon.assertNothingOf("a failed build");
    assert.deepEqual(await readdir(join(daemon.folder, "run/b")).catch(() => []), []);
  });

  test("a prune beside a build takes no layer that a step of it stands on", async () => {
    const gate = "--mount=type=cache,id=gate,target=/gate";
    const words = ["build", "--progress", "plain", "-f", "-", folder];
    const env = { ...process.env, DUET_HOST: `unix://${daemon.socket}` };
    const client = spawn(program, words, { env, stdio: ["pipe", "ignore", "pipe"] });
    const ended = once(client, "close");
    const wait = "echo begun; until [ -e /gate/open ]; do sleep 0.1; done; cat /made/file";
    client.stdin.end(`FROM busybox\nCOPY --link file /made/file\nRUN ${gate} ${wait}\n`);
    let shown = "";
    const { promise: begun, resolve: note } = Promise.withResolvers<void>();
    client.stderr.on("data", (chunk) => {
      shown += String(chunk);
      if (/\d begun$/m.test(shown)) note();
    });
    await Promise.race([begun, ended]);
    await daemon.docker("image", "prune", "-f");
    await built(`FROM busybox\nRUN ${gate} touch /gate/open\n`);
    const [code] = (await ended) as [number];
    assert.equal(code, 0, shown);
    assert.match(shown, /\d of the context$/m);
  });

  test("a client that leaves ends its steps, and what they held is given back", async () => {
    const mount = "--mount=type=cache,target=/c,sharing=locked";
    const file = join(daemon.folder, "Endless");
    await writeFile(file, `FROM busybox\nRUN ${mount} touch /c/x; echo begun; sleep 600\n`);
    const env = { ...process.env, DUET_HOST: `unix://${daemon.socket}` };
    const words = ["build", "--progress", "plain", "-f", file, folder];
    const client = spawn(program, words, { env, stdio: ["ignore", "ignore", "pipe"] });
    let shown = "";
    for await (const chunk of client.stderr) {
      shown += String(chunk);
      if (/\d begun/.test(shown)) break;
    }
    client.kill("SIGKILL");
    await daemon.assertNothingOf("a build whose client has left");
    await built(`FROM busybox\nRUN ${mount} ls /c\n`);
  });

  test("the same step at the same time runs once", async () => {
    const dockerfile = `FROM busybox
RUN --mount=type=cache,target=/count echo x >> /count/runs; sleep 1; wc -l < /count/runs > /runs
`;
    await Promise.all([
      built(dockerfile, "-t", "twice-a"),
      built(dockerfile, "-t", "twice-b"),
      built(dockerfile, "-t", "twice-c"),
    ]);
    assert.equal(await output("twice-a", "cat", "/runs"), "1\n");
    const ids = (await daemon.docker("images", "-q", "--no-trunc", "twice-*")).trim().split("\n");
    assert.equal(new Set(ids).size, 1);
  });

  test("the same context and SOURCE_DATE_EPOCH give the same image, built anew", async () => {
    const dockerfile = `FROM busybox
ARG SOURCE_DATE_EPOCH
COPY file /app/
RUN mkdir /made && date > /dev/null && echo x > /made/x && ln -s x /made/link && rm /etc/group
WORKDIR /place
`;
    const ids: string[] = [];
    // Clients give labels as a map, in whatever order theirs has today.
    const labels = ["--label=b=1", "--label=a=2"];
    for (const [name, given] of [
      ["first", labels],
      ["second", labels.toReversed()],
    ] as const) {
      const epoch = ["--build-arg", "SOURCE_DATE_EPOCH=1700000000"];
      await built(dockerfile, "--no-cache", ...epoch, ...given, "-t", name);
      ids.push(await daemon.docker("inspect", "-f", "{{.Id}} {{.Created}}", name));
    }
    assert.equal(ids[0], ids[1]);
    assert.match(ids[0] ?? "", /2023-11-14T22:13:20/);
    assert.equal(await output("first", "stat", "-c", "%Y", "/made/x"), "1700000000\n");
  });

  test("another SOURCE_DATE_EPOCH runs nothing again before the first COPY, and gives what a run would", async () => {
    const dockerfile = `FROM busybox
RUN mkdir /made && touch -d @5 /made/old && echo x > /made/x && ln -s x /made/link && rm /etc/group
WORKDIR /place
RUN ln /made/x y && echo RANDOM > z
COPY file /app/
`;
    const build = async (name: string, epoch: number, line: string, ...flags: string[]) => {
      const text = dockerfile.replace("RANDOM", line);
      const argument = ["--build-arg", `SOURCE_DATE_EPOCH=${epoch}`];
      await built(text, ...flags, ...argument, "-t", name);
      return await daemon.docker("inspect", "-f", "{{.Id}}", name);
    };
    const uuid = "$(cat /proc/sys/kernel/random/uuid)";
    for (const [name, epoch] of [
      ["early", 1_500_000_000],
      ["late", 1_600_000_000],
    ] as const) {
      await build(name, epoch, uuid);
      const times = await output(
        name,
        "stat",
        "-c",
        "%Y",
        "/place/z",
        "/made/x",
        "/place",
        "/made/old",
      );
      assert.equal(times, `${epoch}\n${epoch}\n${epoch}\n5\n`);
    }
    assert.equal(await output("early", "cat", "/place/z"), await output("late", "cat", "/place/z"));
    await build("before", 1_500_000_000, "same");
    const taken = await build("taken", 1_600_000_000, "same");
    assert.equal(await build("anew", 1_600_000_000, "same", "--no-cache"), taken);
  });

  test("content decides what is built again, times do not", async () => {
    const dockerfile =
      "FROM busybox\nCOPY file /x/\nRUN cat /proc/sys/kernel/random/uuid > /uuid\n";
    const uuid = async (): Promise<string> => {
      await built(dockerfile, "-t", "content");
      return await output("content", "cat", "/uuid");
    };
    const first = await uuid();
    await rm(join(folder, "file"));
    await writeFile(join(folder, "file"), "of the context\n");
    assert.equal(await uuid(), first);
    await writeFile(join(folder, "file"), "another\n");
    assert.notEqual(await uuid(), first);
    await writeFile(join(folder, "file"), "of the context\n");
    assert.equal(await uuid(), first);
  });

  test("what a cache begins with, a mounted folder's own mode, and limits count for the cache, as with Docker", async () => {
    const told = async (lines: string, ...args: string[]): Promise<readonly string[]> => {
      const shown = await built(`FROM busybox AS other\n${lines}`, ...args);
      return Array.from(shown.matchAll(/^#\d+ \d+\.\d+ (.+)$/gm), ([, line]) => line!);
    };
    const bind = `ARG MODE
RUN mkdir -m $MODE /x && touch /x/a
FROM busybox
COPY --from=other /x /x
RUN --mount=type=bind,from=other,source=/x,target=/m stat -c %a /m
`;
    assert.deepEqual(await told(bind, "--build-arg", "MODE=755"), ["755"]);
    assert.deepEqual(await told(bind, "--build-arg", "MODE=700"), ["700"]);
    const begun = `COPY file /y/
FROM busybox
RUN --mount=type=cache,id=begun,from=other,source=/y,target=/m cat /m/file; echo used > /m/file
`;
    await writeFile(join(folder, "file"), "one\n");
    assert.deepEqual(await told(begun), ["one"]);
    assert.deepEqual(await told(begun), []);
    await writeFile(join(folder, "file"), "two\n");
    assert.deepEqual(await told(begun), ["two"]);
    await writeFile(join(folder, "file"), "of the context\n");
    const limited = "RUN echo $(ulimit -n) $(df -k /dev/shm | awk '/shm/ {print $2}')\n";
    assert.deepEqual(await told(limited, "--ulimit", "nofile=100"), ["100 65536"]);
    assert.deepEqual(await told(limited, "--ulimit", "nofile=200"), ["200 65536"]);
    const both = ["--ulimit", "nofile=200", "--shm-size", "1m"];
    assert.deepEqual(await told(limited, ...both), ["200 1024"]);
    assert.deepEqual(await told(limited, ...both), []);
    for (const uid of ["1", "2"]) {
      const owned = `RUN --mount=type=cache,id=owned,target=/m,uid=${uid} stat -c %u /m\n`;
      assert.deepEqual(await told(owned), [uid]);
    }
  });

  test("layers of an image that was built elsewhere are taken over where its keys say so", async () => {
    const dockerfile =
      "FROM busybox\nCOPY file /x/\nRUN cat /proc/sys/kernel/random/uuid > /uuid\n";
    await built(
      dockerfile,
      "--build-arg",
      "BUILDKIT_INLINE_CACHE=1",
      "--no-cache",
      "-t",
      "carrier",
    );
    const first = await output("carrier", "cat", "/uuid");
    await daemon.docker("builder", "prune", "-af");
    await built(dockerfile, "--cache-from", "carrier", "-t", "taken");
    assert.equal(await output("taken", "cat", "/uuid"), first);
  });

  test("a layer of its own is the same on another base", async () => {
    const dockerfile = (word: string): string =>
      `FROM busybox\nRUN echo ${word} > /word\nCOPY --link file /linked/\n`;
    await built(dockerfile("one"), "-t", "linked-one");
    const shown = await built(dockerfile("two"), "-t", "linked-two");
    assert.match(shown, /#(\d+) [^\n]*COPY --link file \/linked\/\n#\1 CACHED/);
    const seen = await output("linked-two", "cat", "/word", "/linked/file");
    assert.equal(seen, "two\nof the context\n");
  });

  test("the cache is told, and is gone when it is pruned", async () => {
    await built("FROM busybox\nRUN head -c 100000 /dev/zero > /zero\n");
    const told = await daemon.docker("system", "df", "--format", "{{.Type}} {{.TotalCount}}");
    assert.match(told, /Build Cache [1-9]/);
    await daemon.docker("image", "prune", "-f");
    await daemon.docker("builder", "prune", "-af");
    const left = await daemon.docker(
      "system",
      "df",
      "--format",
      "{{.Type}} {{.TotalCount}} {{.Size}}",
    );
    assert.match(left, /Build Cache 0 0B/);
    assert.deepEqual(await readdir(join(daemon.folder, "data/build/caches")).catch(() => []), []);
  });
});

/** Names in the last layer of a saved image. */
async function lastLayer(archive: string, folder: string): Promise<readonly string[]> {
  const signal = AbortSignal.timeout(buildMilliseconds);
  await mkdir(folder);
  await run("tar", ["-C", folder, "-xf", archive], { signal });
  const text = await readFile(join(folder, "manifest.json"), "utf8");
  const [image] = JSON.parse(text) as { Layers: string[] }[];
  const layer = join(folder, image?.Layers.at(-1) ?? "");
  const listed = await run("tar", ["-tf", layer], { signal });
  return listed.stdout.toString().trim().split("\n").toSorted();
}
