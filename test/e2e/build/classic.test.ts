import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { after, before, describe, test } from "node:test";
import { archiveOf, type Sample } from "../../kit/tar/samples.ts";
import { containersOnly, TestDaemon } from "../daemon.ts";
import { loadImages } from "../images.ts";
import { startRegistry } from "../registry.ts";

interface Message {
  readonly stream?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message: string };
  readonly aux?: { readonly ID: string };
}

interface Answer {
  readonly status: number;
  readonly body: string;
  /** All texts of its stream. */
  readonly shown: string;
  readonly messages: readonly Message[];
}

const dockerfile = `ARG BASE=busybox
FROM $BASE AS one
ARG V=1
RUN echo said $V; echo wrong >&2
WORKDIR /src
COPY --chown=3:4 a b/* dest/
FROM one
COPY --from=one /src /copy
CMD cat /copy/dest/a
`;

describe("the classic builder's endpoint", { timeout: 1_500_000 }, () => {
  let daemon: TestDaemon;
  const undo: (() => Promise<void>)[] = [];
  before(async () => {
    const owner = { after: (done: () => Promise<void>) => void undo.push(done) };
    daemon = await TestDaemon.start(owner, { flags: containersOnly });
    await loadImages(daemon, "busybox");
  });
  after(async () => {
    for (const done of undo) await done();
  });

  async function post(path: string, body: Buffer): Promise<Answer> {
    const asked = request({ socketPath: daemon.socket, method: "POST", path });
    asked.setHeader("Content-Type", "application/x-tar");
    asked.end(body);
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    const all = await text(response);
    const lines = all.split("\r\n").filter((line) => line.startsWith("{"));
    const messages =
      response.statusCode === 200 ? lines.map((line) => JSON.parse(line) as Message) : [];
    const shown = messages.map((message) => message.stream ?? "").join("");
    return { status: response.statusCode ?? 0, body: all, shown, messages };
  }

  function context(content: string, ...more: readonly Sample[]): Buffer {
    return archiveOf([
      { kind: "file", name: "Dockerfile", data: content },
      { kind: "file", name: "a", data: "content of a\n", uid: 1000 },
      { kind: "directory", name: "b" },
      { kind: "file", name: "b/y", data: "y" },
      ...more,
    ]);
  }

  function build(content: string, query = ""): Promise<Answer> {
    return post(`/v1.51/build?${query}`, context(content));
  }

  test("builds, names and labels an image, and tells it in the classic builder's words", async () => {
    const given = encodeURIComponent(JSON.stringify({ V: "2", UNUSED: "x", NOTHING: null }));
    const labels = encodeURIComponent(JSON.stringify({ by: "client" }));
    const query = `t=first:1&t=second&buildargs=${given}&labels=${labels}`;
    const answer = await post(`/build?${query}`, gzipSync(context(dockerfile)));
    const { shown, messages } = answer;
    assert.match(shown, /^Step 1\/10 : ARG BASE=busybox\nStep 2\/10 : FROM \$BASE AS one\n/);
    assert.match(shown, /Step 4\/10 : RUN echo said \$V; echo wrong >&2\n(?:.|\n)*said 2\n/);
    assert.match(shown, /\u001B\[91mwrong\n\u001B\[0m/);
    assert.match(shown, /Step 10\/10 : LABEL by=client\n/);
    assert.match(shown, /\[Warning\] One or more build-args \[UNUSED\] were not consumed\n/);
    const id = messages.find(({ aux }) => aux !== undefined)?.aux?.ID ?? "";
    const end = `Successfully built ${id.slice(7, 19)}\nSuccessfully tagged first:1\nSuccessfully tagged second:latest\n`;
    assert.ok(shown.endsWith(end), shown);
    assert.equal(await daemon.docker("run", "--rm", "first:1"), "content of a\n");
    const owners = await daemon.docker(
      "run",
      "--rm",
      "second",
      "stat",
      "-c",
      "%u:%g %n",
      "/src/dest/a",
      "/src/dest/y",
    );
    assert.equal(owners, "3:4 /src/dest/a\n3:4 /src/dest/y\n");
    const seen = await daemon.docker("inspect", "-f", "{{.Config.Labels.by}} {{.Id}}", "first:1");
    assert.equal(seen, `client ${id}\n`);
  });

  test("takes steps from the cache, none where it is told so, and says no more than the id when quiet", async () => {
    const cached = await build(dockerfile, "rm=1");
    assert.match(cached.shown, /Step 6\/9 : COPY.*\n ---> Using cache\n/);
    const fresh = await build(dockerfile, "nocache=1");
    assert.doesNotMatch(fresh.shown, /Using cache/);
    const quiet = await build(dockerfile, "q=1");
    assert.match(quiet.shown, /^sha256:[\da-f]{64}\n$/);
    assert.equal(quiet.messages.length, 1);
    const target = await build(dockerfile, "target=one");
    assert.match(target.shown, /Step 6\/6 : COPY/);
  });

  test("a base that is to be pulled is asked for as often as by a pull", async () => {
    let lines: string[] = [];
    let last = Promise.withResolvers<void>();
    const heard = (line: string): void => {
      lines.push(line);
      if (line.includes("/v2/last/manifests")) last.resolve();
    };
    const registry = await startRegistry(daemon, { heard });
    const base = `${registry}/base:1`;
    await daemon.docker("tag", "busybox", base);
    await daemon.docker("push", base);
    /** How often the tag was asked for; what it logs of a last request tells that it has logged all. */
    const asked = async (work: () => Promise<unknown>): Promise<number> => {
      lines = [];
      last = Promise.withResolvers();
      await work();
      await daemon.tryDocker(["pull", `${registry}/last`]);
      await last.promise;
      const completed = lines.filter((line) => line.includes("response completed"));
      return completed.filter((line) => line.includes("/v2/base/manifests/1")).length;
    };
    const byPull = await asked(() => daemon.docker("pull", base));
    const byBuild = await asked(async () => {
      const { shown } = await build(`FROM ${base}\nRUN true\n`, "pull=1");
      assert.match(shown, /Successfully built/);
    });
    assert.ok(byPull > 0);
    assert.equal(byBuild, byPull);
    await daemon.docker("rmi", base);
  });

  test("tells how a step failed, by its code and its last words, and leaves nothing", async () => {
    const failed = await build("FROM busybox\nRUN echo last words; exit 3\n", "t=never");
    assert.match(failed.shown, /Step 2\/2 : RUN .*\nlast words\n$/);
    const { errorDetail, error } = failed.messages.at(-1)!;
    const message = "The command '/bin/sh -c echo last words; exit 3' returned a non-zero code: 3";
    assert.deepEqual([errorDetail, error], [{ code: 3, message }, message]);
    const missing = await build("FROM busybox\nCOPY nowhere /\n");
    assert.match(missing.messages.at(-1)?.error ?? "", /^COPY failed: .*nowhere/);
    const absent = await build("FROM busybox AS one\nFROM one\nCOPY --from=one /nowhere /\n");
    assert.equal(absent.messages.at(-1)?.error, "COPY failed: stat nowhere: file does not exist");
    assert.equal(await daemon.docker("image", "ls", "-q", "never"), "");
    assert.equal(await daemon.docker("ps", "-aq"), "");
  });

  test("refuses what cannot begin before it says anything else", async () => {
    const refusals: readonly (readonly [query: string, content: string, status: number, RegExp])[] =
      [
        ["", "FROM busybox\nFOO x\n", 400, /parse error on line 2: unknown instruction: FOO/],
        ["dockerfile=other", "FROM busybox\n", 500, /Cannot locate specified Dockerfile: other/],
        ["t=UPPER", "FROM busybox\n", 400, /repository name .*must be lowercase/],
        ["buildargs=[1]", "FROM busybox\n", 400, /buildargs/],
        ["networkmode=other", "FROM busybox\n", 501, /builds cannot use the network other/],
        ["target=nothing", "FROM busybox\n", 400, /target stage .*nothing.* could not be found/],
        ["remote=file:///etc", "FROM busybox\n", 400, /could not be recognized as URL/],
      ];
    for (const [query, content, status, message] of refusals) {
      const answer = await build(content, query);
      assert.equal(answer.status, status, query);
      assert.match(answer.body, message);
    }
    const broken = await post("/build", Buffer.from("no archive"));
    assert.ok(broken.status >= 400, broken.body);
  });

  test("reads nothing outside of the context, whatever links are in it (C43)", async () => {
    const link = (name: string): Sample => ({ kind: "symlink", name, linkName: "/etc/hostname" });
    const linked = archiveOf([link("Dockerfile")]);
    const answer = await post("/build", linked);
    assert.equal(answer.status, 500, answer.body);
    assert.match(answer.body, /Cannot locate specified Dockerfile/);
    const copied = await post("/build", context("FROM busybox\nCOPY l /l\n", link("l")));
    assert.match(copied.messages.at(-1)?.error ?? "", /COPY failed/);
  });

  test("takes an archive whose last block is not filled, as docker build -f - sends it", async () => {
    const content = "FROM busybox\nRUN true\n";
    const whole = archiveOf([{ kind: "file", name: "Dockerfile", data: content }]);
    const cut = whole.subarray(0, 512 + content.length);
    const answer = await post("/build", cut);
    assert.match(answer.shown, /Successfully built/);
    const torn = archiveOf([{ kind: "file", name: "Dockerfile", data: content.padEnd(2_000) }]);
    const refused = await post("/build", torn.subarray(0, 1_000));
    assert.ok(refused.status >= 400, refused.body);
  });

  test("leaves the Dockerfile out of the image where the context's own list ignores it", async () => {
    const ignore: Sample = {
      kind: "file",
      name: ".dockerignore",
      data: "Dockerfile\n.dockerignore\n",
    };
    const content = "FROM busybox\nCOPY . /all\nCMD ls -A /all\n";
    const answer = await post("/build?t=ignored", context(content, ignore));
    assert.match(answer.shown, /Successfully built/);
    assert.equal(await daemon.docker("run", "--rm", "ignored"), "a\nb\n");
  });

  test("ends a build that is canceled, and prunes its cache", async () => {
    const asked = request({
      socketPath: daemon.socket,
      method: "POST",
      path: "/build?buildid=mine",
    });
    asked.on("error", () => undefined);
    asked.end(context("FROM busybox\nRUN echo begun; sleep 1000\n"));
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    let seen = "";
    try {
      for await (const part of response) {
        seen += String(part);
        if (!seen.includes("begun\\n")) continue;
        seen = "";
        await daemon.request("POST", "/build/cancel?id=mine").body;
      }
    } catch {
      /* The stream is cut off. */
    }
    asked.destroy();
    const pruned = JSON.parse(await daemon.request("POST", "/build/prune?all=1").body) as {
      readonly CachesDeleted: readonly string[];
      readonly SpaceReclaimed: number;
    };
    assert.ok(pruned.CachesDeleted.length > 3);
    assert.equal(typeof pruned.SpaceReclaimed, "number");
    assert.equal(await daemon.docker("ps", "-aq"), "");
    const again = await build(dockerfile);
    assert.doesNotMatch(again.shown, /Using cache/);
  });

  test("takes a context for unchanged only where all of it is the same, whoever builds beside it", async () => {
    const content = "FROM busybox\nCOPY c /c\nRUN --mount=target=/m cat /m/c/y > /y\nCMD cat /y\n";
    const folder: Sample = { kind: "directory", name: "c" };
    const file = (data: string, mode = 0o644): Sample => ({
      kind: "file",
      name: "c/y",
      data,
      mode,
    });
    const link = (linkName: string): Sample => ({ kind: "symlink", name: "c/l", linkName });
    const send = (tag: string, ...samples: readonly Sample[]): Promise<Answer> =>
      post(`/build?t=${tag}`, context(content, folder, ...samples));
    await send("same", file("one\n"), link("y"));
    const again = await send("same", file("one\n"), link("y"));
    assert.match(
      again.shown,
      /COPY c \/c\n ---> Using cache\n(?:.|\n)*RUN .*\n ---> Using cache\n/,
    );
    const changed: readonly (readonly Sample[])[] = [
      [file("onf\n"), link("y")],
      [file("one\n", 0o600), link("y")],
      [file("one\n"), link("z")],
      [file("one\n")],
      [file("one\n"), link("y"), { kind: "file", name: "c/more", data: "" }],
    ];
    for (const samples of changed) {
      const { shown } = await send("other", ...samples);
      assert.match(shown, /COPY c \/c\n(?! ---> Using cache)(?:.|\n)*Successfully built/);
    }
    const both = ["first", "second"].map((text) => send(text, file(`${text}\n`), link("y")));
    for (const { shown } of await Promise.all(both)) assert.match(shown, /Successfully built/);
    assert.equal(await daemon.docker("run", "--rm", "first"), "first\n");
    assert.equal(await daemon.docker("run", "--rm", "second"), "second\n");
    await daemon.request("POST", "/build/prune?all=1").body;
    const fresh = await send("same", file("one\n"), link("y"));
    assert.doesNotMatch(fresh.shown, /Using cache/);
    assert.equal(await daemon.docker("run", "--rm", "same"), "one\n");
  });
});
