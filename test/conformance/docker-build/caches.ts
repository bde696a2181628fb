import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeProject } from "./project.ts";
import { registryOfFile } from "./servers.ts";

const dockerfile = [
  "FROM busybox AS other",
  "RUN echo of the other > /other",
  "FROM busybox",
  "RUN echo one > /one",
  "COPY --from=other /other /",
  "",
].join("\n");
const marks = /^#\d+ (?:CACHED|\d+\.\d+ .*)$/gm;

/** Caches that go to another machine. */
export function testCaches(): void {
  test("--cache-to and --cache-from by a registry, a folder and the image itself spare the steps", async () => {
    const { folder, client, build } = await makeProject({ Dockerfile: dockerfile });
    const registry = await registryOfFile();
    const places = {
      registry: ["type=registry,ref=REF,mode=max", "type=registry,ref=REF"],
      local: ["type=local,dest=kept,mode=max", "type=local,src=kept"],
      inline: ["type=inline", "type=registry,ref=IMAGE"],
    };
    for (const [name, words] of Object.entries(places)) {
      const [to, from] = words.map((word) =>
        word.replace("REF", `${registry}/cache-${name}:1`).replace("IMAGE", `${registry}/in:1`),
      );
      const tag = ["-t", `${registry}/in:1`, "--push"];
      await client.docker("builder", "prune", "-af");
      const first = await build("--no-cache", "--cache-to", to!, ...tag);
      const id = await client.docker("inspect", "-f", "{{.Id}}", tag[1]!);
      await client.docker("rmi", tag[1]!);
      await client.docker("builder", "prune", "-af");
      const again = await build("--cache-from", from!, "-t", `again:${name}`);
      const all = name === "inline" ? 2 : 4;
      assert.ok((again.match(marks) ?? []).length >= all, `${name}: ${first}${again}`);
      assert.match(again, /RUN echo one > \/one\n#\d+ CACHED/, name);
      const min = name === "inline";
      assert.match(again, min ? /\[other 2\/2\]/ : /\[other 2\/2\] RUN .*\n#\d+ CACHED/);
      if (name !== "inline") {
        assert.equal(await client.docker("inspect", "-f", "{{.Id}}", `again:${name}`), id);
      }
      await client.docker("rmi", `again:${name}`);
    }
    await rm(join(folder, "kept"), { recursive: true });
  });

  test("a cache that is not there costs no build, and one that cannot be put anywhere says so", async () => {
    const { client, attempt, build } = await makeProject({ Dockerfile: dockerfile });
    const registry = await registryOfFile();
    await build("--cache-from", `${registry}/none:1`, "--cache-from", "type=local,src=none");
    await client.docker("logout", registry);
    const to = `type=registry,ref=${registry}/denied:1`;
    const denied = await attempt(["--cache-to", to, "."]);
    assert.equal(denied.code, 1);
    assert.match(denied.stderr, /failed to export the cache: .*denied/);
    await build("--cache-to", `${to},ignore-error=true`);
  });
}
