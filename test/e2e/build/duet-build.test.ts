import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { before, test } from "node:test";
import { run } from "../../../src/kit/subprocess.ts";
import { TestDaemon } from "../daemon.ts";
import { loadImages } from "../images.ts";
import { processesLeft } from "../processes.ts";
import { ownerOfTests } from "../owner.ts";
import { build, folderWith, program, tryBuild } from "./duet-builds.ts";

const owner = ownerOfTests();
let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start(owner);
  await loadImages(daemon, "busybox");
});

for (const isolation of ["container", "vm"] as const) {
  test(`a Dockerfile becomes an image, each RUN as ${isolation}, and again from the cache`, async (t) => {
    const folder = await folderWith(t, {
      Dockerfile: `FROM busybox AS made\nARG WORD\nCOPY src /src\nRUN echo $WORD > /src/word; uname -r > /kernel\nFROM busybox\nCOPY --from=made /src /kernel /\nCMD cat /word /deep/a`,
      "src/deep/a": "a\n",
      "src/left": "out",
      ".dockerignore": "**/left\n",
    });
    const words = [
      "--isolation",
      isolation,
      "--build-arg",
      `WORD=${isolation}`,
      "-t",
      `made:${isolation}`,
      folder,
    ];
    const first = await build(daemon, ...words);
    assert.match(first.stderr, /\[made 3\/3\] RUN echo/);
    assert.equal(await daemon.docker("run", "--rm", `made:${isolation}`), `${isolation}\na\n`);
    assert.doesNotMatch(await daemon.docker("run", "--rm", `made:${isolation}`, "ls", "/"), /left/);
    const kernel = await daemon.docker("run", "--rm", `made:${isolation}`, "cat", "/kernel");
    assert.equal(
      kernel === (await readFile("/proc/sys/kernel/osrelease", "utf8")),
      isolation === "container",
    );
    const again = await build(daemon, "-q", ...words);
    const id = (
      await daemon.docker("image", "inspect", "-f", "{{.Id}}", `made:${isolation}`)
    ).trim();
    assert.equal(again.stdout.toString().trim(), id);
    assert.match((await build(daemon, ...words)).stderr, /\[made 3\/3\] RUN echo[^]*?CACHED/);
  });
}

test("only files that changed are sent again", async (t) => {
  const folder = await folderWith(t, {
    Dockerfile: "FROM scratch\nCOPY . /",
    big: "x".repeat(300_000),
    small: "1",
  });
  const sent = (text: string): number =>
    Math.max(
      ...[...text.matchAll(/transferring context:?\s*([\d.]+)?\s*(k?B)?/g)].map(
        ([, amount = "0", unit]) => Number(amount) * (unit === "kB" ? 1_000 : 1),
      ),
    );
  await build(daemon, "--progress", "plain", folder);
  await writeFile(join(folder, "small"), "22");
  const { stderr } = await build(daemon, "--progress", "plain", folder);
  assert.ok(sent(stderr) < 100_000, stderr);
});

test("secrets and the ssh agent reach RUN, and no layer, history or output of the image", async (t) => {
  const folder = await folderWith(t, {
    Dockerfile: `FROM busybox
RUN --mount=type=secret,id=file --mount=type=secret,id=word,env=WORD cat /run/secrets/file | md5sum > /seen && echo $WORD | md5sum >> /seen
RUN --mount=type=ssh [ -S "$SSH_AUTH_SOCK" ] && echo $SSH_AUTH_SOCK > /socket`,
    token: "file-secret-4711",
  });
  const agent = createServer((socket) => socket.end());
  agent.listen(join(folder, "agent.sock"));
  await once(agent, "listening");
  t.after(() => agent.close());
  const words = [
    "--secret",
    `id=file,src=${folder}/token`,
    "--secret",
    "id=word",
    "--ssh",
    `default=${folder}/agent.sock`,
    "-t",
    "secret",
    folder,
  ];
  const result = await tryBuild(daemon, words, { env: { word: "word-secret-4712" } });
  assert.equal(result.code, 0, result.stderr);
  const saved = await run("docker", ["--host", `unix://${daemon.socket}`, "save", "secret"], {
    signal: AbortSignal.timeout(60_000),
    maxOutput: 64 << 20,
  });
  const history = await daemon.docker("history", "--no-trunc", "secret");
  const files = await daemon.docker("run", "--rm", "secret", "cat", "/seen", "/socket");
  assert.match(files, /[\da-f]{32} {2}-\n[\da-f]{32} {2}-\n\/run\/buildkit\/ssh_agent/);
  for (const where of [
    saved.stdout.toString("latin1"),
    history,
    await daemon.docker("run", "--rm", "secret", "ls", "/run"),
  ]) {
    assert.doesNotMatch(where, /-secret-47/);
  }
  const missing = await tryBuild(daemon, ["--secret", "id=word", "--no-cache", folder], {
    env: { word: "x" },
  });
  assert.notEqual(missing.code, 0);
});

test("results come back as a folder, a tar or an archive of an image", async (t) => {
  const folder = await folderWith(t, {
    Dockerfile: "FROM scratch\nCOPY a b/\nCMD x",
    a: "content",
  });
  const out = await folderWith(t, {});
  await build(daemon, "-o", join(out, "folder"), folder);
  assert.equal(await readFile(join(out, "folder/b/a"), "utf8"), "content");
  await build(daemon, "-o", `type=tar,dest=${out}/a.tar`, folder);
  const names = await run("tar", ["-tf", join(out, "a.tar")], {
    signal: AbortSignal.timeout(60_000),
  });
  assert.match(names.stdout.toString(), /^b\/a$/m);
  await build(daemon, "-t", "from-archive:1", "-o", `type=docker,dest=${out}/i.tar`, folder);
  assert.match(await daemon.docker("load", "-i", join(out, "i.tar")), /Loaded image/);
  const { stdout } = await tryBuild(daemon, ["-o", "-", folder]);
  assert.ok(stdout.includes("content"));
});

test("a Dockerfile or a whole context comes from standard input", async (t) => {
  const folder = await folderWith(t, {
    Dockerfile: "FROM scratch\nCOPY a /a",
    a: "x",
    "other/Dockerfile": "FROM scratch\nCOPY a /other",
  });
  const alone = await tryBuild(daemon, ["-q", "-"], { input: "FROM busybox\nRUN true" });
  assert.match(alone.stdout.toString(), /^sha256:/, alone.stderr);
  const beside = await tryBuild(daemon, ["-q", "-f", "-", folder], {
    input: "FROM scratch\nCOPY a /c",
  });
  assert.match(beside.stdout.toString(), /^sha256:/, beside.stderr);
  const tar = await run("tar", ["-C", folder, "-czf", "-", "."], {
    signal: AbortSignal.timeout(60_000),
  });
  const out = await folderWith(t, {});
  const whole = await tryBuild(daemon, ["-f", "other/Dockerfile", "-o", out, "-"], {
    input: tar.stdout,
  });
  assert.equal(whole.code, 0, whole.stderr);
  assert.deepEqual(await readdir(out), ["other"]);
});

test("further contexts are folders or images", async (t) => {
  const folder = await folderWith(t, { Dockerfile: "FROM base\nCOPY --from=more /f /f" });
  const more = await folderWith(t, { f: "more", "dir/g": "g" });
  await symlink("dir/g", join(more, "link"));
  await build(
    daemon,
    "--build-context",
    `more=${more}`,
    "--build-context",
    "base=docker-image://busybox",
    "-t",
    "two",
    folder,
  );
  assert.equal(await daemon.docker("run", "--rm", "two", "cat", "/f"), "more");
});

test("a failure shows the lines of the Dockerfile, the step and what it printed last", async (t) => {
  const folder = await folderWith(t, {
    Dockerfile: "FROM busybox\n\nRUN echo out; \\\n  echo err >&2; exit 7\nRUN true\n",
  });
  const { code, stderr } = await tryBuild(daemon, [folder]);
  assert.equal(code, 1);
  assert.match(stderr, /Dockerfile:3\n/);
  assert.match(
    stderr,
    /\n {3}3 \| >>> RUN echo out; \\\n {3}4 \| >>> {3}echo err >&2; exit 7\n {3}5 \| {5}RUN true/,
  );
  assert.match(stderr, /\d err\n/);
  assert.match(
    stderr,
    /duet: process "\/bin\/sh -c echo out; .*" did not complete successfully: exit code: 7/,
  );
  for (const [dockerfile, message] of [
    ["FROM busybox\nRUNN x", /unknown instruction: RUNN \(did you mean RUN\?\)/],
    [
      "FROM busybox\nCOPY nofile /",
      /#(\d+) \[2\/2\] COPY nofile \/\n#\1 ERROR: "\/nofile": not found\nDockerfile:2\n/,
    ],
    [
      "FROM nothing-there-4711.invalid/x",
      /Dockerfile:1\n {3}1 \| >>> FROM .*\nduet: .*nothing-there-4711\.invalid/,
    ],
  ] as const) {
    const failed = await tryBuild(daemon, ["-"], { input: dockerfile });
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, message);
  }
  assert.match((await tryBuild(daemon, ["/nowhere-4711"])).stderr, /no folder to build from/);
  const quiet = await tryBuild(daemon, ["-q", folder]);
  assert.match(quiet.stderr, /^\[2\/3\] RUN echo out;.*:\n {2}out\n {2}err\nDockerfile:3\n/);
  const unnamed = await tryBuild(daemon, ["-t", "UPPER", folder]);
  assert.match(unnamed.stderr, /^duet: invalid reference format: .*UPPER.*\nhint: /);
});

test("a platform that is none is refused before a registry is asked", async () => {
  const input = "FROM nothing-there-4711.invalid/x\n";
  for (const [words, dockerfile] of [
    [["--platform", "foo"], input],
    [["--platform", "linux/amd64,foo"], input],
    [[], `FROM --platform=foo ${input.slice("FROM ".length)}`],
  ] as const) {
    const refused = await tryBuild(daemon, [...words, "-"], { input: dockerfile });
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /"foo": unknown operating system or architecture: invalid argument/,
    );
    assert.doesNotMatch(refused.stderr, /4711\.invalid\/x:latest|registry/);
  }
  for (const platform of ["linux", "local"]) {
    const built = await tryBuild(daemon, ["-q", "--platform", platform, "-"], {
      input: "FROM busybox\n",
    });
    assert.equal(built.code, 0, built.stderr);
  }
});

test("--check tells a Dockerfile's faults and --call its arguments and targets, as text or JSON, and nothing is built", async (t) => {
  const folder = await folderWith(t, {
    Dockerfile: `# SPEED how fast
ARG SPEED=3
# part the first part
FROM busybox AS part
ARG SPEED
RUN --mount=type=secret,id=key,required=true exit 1
FROM part
MAINTAINER nobody
`,
    Clean: "FROM busybox\n",
  });
  const before = await daemon.docker("images", "-aq");
  const faulty = await tryBuild(daemon, ["--check", "-t", "never:built", folder]);
  assert.equal(faulty.code, 1);
  assert.match(
    faulty.stdout.toString(),
    /^Check complete, 1 warning has been found!\n\nWARNING: MaintainerDeprecated - https:.*\n.*\nDockerfile:8\n-+\n[^]*8 \| >>> MAINTAINER nobody\n/,
  );
  const clean = await build(daemon, "--check", "-f", join(folder, "Clean"), folder);
  assert.equal(clean.stdout.toString(), "Check complete, no warnings found.\n");
  const outline = await build(daemon, "--call=outline", "--target", "part", folder);
  assert.equal(
    outline.stdout.toString(),
    `TARGET:      part
DESCRIPTION: the first part

BUILD ARG   VALUE   DESCRIPTION
SPEED       3       how fast

SECRET   REQUIRED
key      true
`,
  );
  const targets = await build(daemon, "--call", "targets", folder);
  assert.match(
    targets.stdout.toString(),
    /^TARGET +DESCRIPTION\npart +the first part\n\(default\)\n$/,
  );
  const json = await build(daemon, "--call=targets,format=json", folder);
  const { targets: found } = JSON.parse(json.stdout.toString()) as { targets: { name?: string }[] };
  assert.deepEqual(
    found.map(({ name }) => name),
    ["part", undefined],
  );
  const broken = await tryBuild(daemon, ["--check", "-"], { input: "FROM busybox\nRUNN x\n" });
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /^-?.*:2\n[^]*unknown instruction: RUNN/m);
  const unknown = await tryBuild(daemon, ["--call=nothing", folder]);
  assert.match(unknown.stderr, /invalid argument "nothing" for "--call" flag: use build, check,/);
  assert.equal(await daemon.docker("images", "-aq"), before);
});

for (const signal of ["SIGINT", "SIGKILL"] as const) {
  test(`a build whose client ends by ${signal} ends, too, and leaves nothing running`, async () => {
    const mark = `4${Math.floor(Math.random() * 1e8)}`;
    const child = spawn(
      program,
      ["--host", `unix://${daemon.socket}`, "build", "--no-cache", "-"],
      { stdio: ["pipe", "ignore", "pipe"] },
    );
    child.stdin.end(`FROM busybox\nRUN echo begun; exec sleep ${mark}`);
    let printed = "";
    for await (const piece of child.stderr) {
      printed += String(piece);
      if (/\d begun/.test(printed)) break;
    }
    const exited =
      child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
    child.kill(signal);
    await exited;
    assert.deepEqual(await processesLeft(`^sleep ${mark}$`, 120_000), []);
  });
}
