import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { run } from "../../src/kit/subprocess.ts";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { ownerOfTests } from "./owner.ts";

const owner = ownerOfTests();
const duet = join(import.meta.dirname, "../../bin/duet");
const clients = ["docker", "duet"] as const;
type Client = (typeof clients)[number];
let daemon: TestDaemon;
let folder: string;

before(async () => {
  daemon = await TestDaemon.start(owner, { flags: containersOnly });
  folder = join(daemon.folder, "context");
  await mkdir(folder);
});

async function ask(client: Client, ...args: readonly string[]): Promise<string> {
  const program = client === "docker" ? "docker" : duet;
  const signal = AbortSignal.timeout(300_000);
  const words = ["--host", `unix://${daemon.socket}`, ...args];
  return (await run(program, words, { signal })).stdout.toString();
}

/** Images with a label of their name: "one" and "two" by tag, "none" without any. */
async function makeImages(): Promise<void> {
  for (const name of ["one", "two", "none"]) {
    await writeFile(join(folder, "file"), name);
    await writeFile(join(folder, "Dockerfile"), `FROM scratch\nCOPY file /\nLABEL kind=${name}\n`);
    await ask("duet", "build", "-q", ...(name === "none" ? [] : ["-t", name]), folder);
  }
}

async function kinds(): Promise<string[]> {
  const ids = (await daemon.docker("images", "-q")).split("\n").filter(Boolean);
  const shown = await Promise.all(
    ids.map((id) => daemon.docker("inspect", "-f", "{{.Config.Labels.kind}}", id)),
  );
  return shown.map((kind) => kind.trim()).toSorted();
}

for (const client of clients) {
  test(`images are pruned by every filter, as ${client} asks`, async () => {
    await makeImages();
    const prune = async (...filters: readonly string[]): Promise<string[]> => {
      const words = filters.flatMap((filter) => ["--filter", filter]);
      await ask(client, "image", "prune", "-f", ...words);
      return await kinds();
    };
    const pruneUnused = async (filter: string): Promise<string[]> => {
      // Docker's client takes --all alone, which the API has as a filter.
      const how = client === "docker" ? ["-a"] : ["--filter", "dangling=false"];
      await ask(client, "image", "prune", "-f", ...how, "--filter", filter);
      return await kinds();
    };
    const all = ["none", "one", "two"];
    assert.deepEqual(await prune("until=1h"), all, "a duration");
    assert.deepEqual(await prune("until=2020-01-01T00:00:00"), all, "a moment");
    assert.deepEqual(await prune("until=1577836800"), all, "seconds since 1970");
    assert.deepEqual(await prune("label=kind=one"), all, "it is tagged");
    assert.deepEqual(await prune("label!=kind"), all);
    assert.deepEqual(await pruneUnused("label=kind=one"), ["none", "two"]);
    assert.deepEqual(await pruneUnused("label!=kind=none"), ["none"]);
    assert.deepEqual(
      await prune("until=2100-01-01T00:00:00Z"),
      [],
      "untagged alone without filters",
    );
  });

  test(`build cache is pruned by age, as ${client} asks`, async () => {
    await makeImages();
    const size = async (): Promise<number> =>
      Number(
        await daemon
          .docker("system", "df", "--format", "{{.Type}} {{.TotalCount}}")
          .then((text) => /^Build Cache (\d+)$/m.exec(text)?.[1]),
      );
    const before = await size();
    assert.ok(before > 0);
    await ask(client, "builder", "prune", "-af", "--filter", "until=1h");
    assert.equal(await size(), before);
    await ask(client, "image", "prune", "-af");
    await ask(client, "builder", "prune", "-af", "--filter", "until=0s");
    assert.equal(await size(), 0);
  });

  test(`build cache is pruned by kind, pattern and space, as ${client} asks`, async () => {
    await loadImages(daemon, "busybox");
    await writeFile(join(folder, "file"), "content");
    const lines = ["FROM busybox AS below", "RUN --mount=type=cache,target=/c echo > /c/kept"];
    const steps = [...lines, "RUN echo above > /above", "FROM busybox", "COPY file /", ""];
    await writeFile(join(folder, "Dockerfile"), steps.join("\n"));
    await ask("duet", "build", "-q", "-t", "one", folder);
    await ask("duet", "build", "-q", "--target", "below", "-t", "two", folder);
    await ask("duet", "rmi", "two");
    const words = async (...how: readonly string[]): Promise<string[]> => {
      await ask(client, "builder", "prune", "-f", ...how);
      const usage = daemon.request("GET", "/v1.51/system/df?type=build-cache");
      const { BuildCache } = JSON.parse(await usage.body) as {
        BuildCache: { Description: string }[];
      };
      const known = ["local source for context", "cached mount", "/kept", "/above", "COPY"];
      const nameOf = (text: string): string => known.find((word) => text.includes(word)) ?? text;
      return BuildCache.map(({ Description }) => nameOf(Description)).toSorted();
    };
    const all = ["/above", "/kept", "COPY", "cached mount", "local source for context"];
    assert.deepEqual(await words("--filter", "type=frontend"), all);
    assert.deepEqual(await words("--keep-storage", "1gb"), all);
    if (client === "duet") {
      assert.deepEqual(await words("--min-free-space", "1mb"), all);
      assert.deepEqual(await words("--max-used-space", "1", "--reserved-space", "1gb"), all);
    }
    const below = [
      "--filter",
      'description="[below 2/3] RUN --mount=type=cache,target=/c echo > /c/kept"',
    ];
    assert.deepEqual(await words(...below), all, "another step stands on it");
    const local = await words("--filter", "type=source.local");
    assert.deepEqual(local, all.slice(0, -1));
    assert.deepEqual(await words("--filter", "type=exec.cachemount"), local.slice(0, -1));
    assert.deepEqual(await words("--keep-storage", "1"), ["COPY"], "an image has it, too");
    assert.deepEqual(await words("-a"), []);
    await ask("duet", "rmi", "one", "busybox");
  });
}

test("what is no filter of build cache is refused in Docker's words", async () => {
  for (const [query, why] of [
    [
      "keep-storage=x",
      "keep-storage is in bytes and expects an integer, got x: strconv.Atoi: parsing",
    ],
    ['filters={"foo":["x"]}', "failed to prune build cache: invalid filter 'foo'"],
    ['filters={"id":["x","y"]}', "failed to prune build cache: filters expect only one value"],
    [
      'filters={"until":["1h"],"unused-for":["1h"]}',
      'failed to prune build cache: conflicting filters: "until" and "unused-for"',
    ],
    [
      'filters={"id":["a b"]}',
      "failed to prune build cache: failed to parse prune filters [id~=a b]: filters: parse error: [id~=a >| |< b]",
    ],
  ] as const) {
    const answer = daemon.request("POST", `/v1.51/build/prune?${encodeURI(query)}`);
    assert.equal((await answer.head).statusCode, 400, query);
    const { message } = JSON.parse(await answer.body) as { message: string };
    assert.ok(message.startsWith(why), message);
  }
});
