import assert from "node:assert/strict";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { makeProject } from "./project.ts";
import { serveRepository } from "./servers.ts";

const targets = {
  group: { default: { targets: ["upper", "other"] } },
  target: {
    lower: { "dockerfile-inline": "FROM busybox\nRUN echo of the lower > /lower\n" },
    upper: {
      contexts: { below: "target:lower" },
      "dockerfile-inline":
        "FROM below AS one\nRUN cat /lower\nFROM busybox\nCOPY --from=below /lower /\n",
      target: "one",
      tags: ["baked:upper"],
    },
    other: {
      "dockerfile-inline": "FROM busybox\nARG WORD\nRUN echo word $WORD\n",
      args: { WORD: "given" },
      tags: ["baked:other"],
    },
  },
};

/** Several builds of one client that take from each other. */
export function testBake(): void {
  test("docker buildx bake builds targets that stand on each other", async () => {
    const { folder, client } = await makeProject({ "docker-bake.json": JSON.stringify(targets) });
    const about = join(folder, "about.json");
    const words = ["buildx", "bake", "--progress=plain", "--metadata-file", about];
    const built = await client.succeed(words, { cwd: folder });
    assert.match(built.stderr, /\[upper one 2\/2\] RUN cat \/lower\n#\d+ \d+\.\d+ of the lower/);
    assert.match(built.stderr, /word given/);
    const metadata = JSON.parse(await readFile(about, "utf8")) as Record<
      string,
      Record<string, unknown>
    >;
    const id = (await client.docker("inspect", "-f", "{{.Id}}", "baked:upper")).trim();
    assert.equal(metadata["upper"]?.["containerimage.config.digest"], id);
    const set = ["--set", "upper.target=", "--set", "other.args.WORD=set"];
    const again = await client.succeed(["buildx", "bake", "--progress=plain", ...set], {
      cwd: folder,
    });
    assert.match(again.stderr, /word set/);
    assert.match(await client.docker("run", "--rm", "baked:upper", "cat", "/lower"), /lower/);
  });

  test("docker buildx bake --check and --call answer for targets that stand on each other", async () => {
    const { folder, client } = await makeProject({ "docker-bake.json": JSON.stringify(targets) });
    const checked = await client.succeed(["buildx", "bake", "--check", "upper"], { cwd: folder });
    assert.match(checked.stdout.toString(), /Check complete, no warnings found/);
    const words = ["buildx", "bake", "--call=targets", "upper"];
    const named = await client.succeed(words, { cwd: folder });
    assert.match(named.stdout.toString(), /^one/m);
    await client.succeed(["build", "--check", "--output=type=docker,name=asked", "-"], {
      input: "FROM busybox\n",
    });
    assert.equal(await client.docker("images", "-q", "asked"), "");
  });

  test("docker buildx bake takes its targets and their files from a repository", async () => {
    const { folder, client } = await makeProject({
      "docker-bake.json": JSON.stringify({ target: { default: { tags: ["baked:far"] } } }),
      Dockerfile: 'FROM busybox\nCOPY a.txt /\nCMD ["cat", "/a.txt"]\n',
      "a.txt": "from afar\n",
    });
    const url = await serveRepository(folder, "baked");
    await client.succeed(["buildx", "bake", url]);
    assert.equal(await client.docker("run", "--rm", "baked:far"), "from afar\n");
  });

  test("docker compose builds a service on another one's image", async () => {
    const { folder, client } = await makeProject({
      "compose.yml": [
        "services:",
        "  lower:",
        "    image: composed-lower",
        '    build: {context: ., dockerfile_inline: "FROM busybox\\nRUN echo composed > /lower\\n"}',
        "  upper:",
        "    image: composed-upper",
        '    build: {context: ., additional_contexts: {below: "service:lower"}, dockerfile_inline: "FROM below\\n"}',
        "",
      ].join("\n"),
    });
    const built = await client.succeed(["compose", "build"], { cwd: folder });
    assert.doesNotMatch(built.stderr, /error/i);
    assert.equal(
      await client.docker("run", "--rm", "composed-upper", "cat", "/lower"),
      "composed\n",
    );
  });
}
