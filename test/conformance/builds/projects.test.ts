import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { buffer, text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { containersOnly, TestDaemon } from "../../e2e/daemon.ts";
import { imageArchive, loadImages } from "../../e2e/images.ts";
import { projectArchive } from "./context.ts";
import { imageFacts, type ImageFacts } from "./listing.ts";
import type { Project } from "./project.ts";
import { projects } from "./projects.ts";

/** What Docker made of the projects, by record.ts. */
const recorded = JSON.parse(
  readFileSync(new URL("recorded.json", import.meta.url), "utf8"),
) as Readonly<Record<string, ImageFacts>>;

describe(
  "projects of many kinds become the images that Docker makes of them",
  {
    timeout: 600_000,
  },
  () => {
    let daemon: TestDaemon;
    let base: Buffer;
    const undo: (() => Promise<void>)[] = [];
    before(async () => {
      const owner = { after: (done: () => Promise<void>) => void undo.push(done) };
      daemon = await TestDaemon.start(owner, { flags: containersOnly });
      await loadImages(daemon, "busybox");
      base = await readFile(await imageArchive("busybox"));
    });
    after(async () => {
      for (const done of undo) await done();
    });

    for (const [name, project] of Object.entries(projects)) {
      test(name, async () => {
        const expected = recorded[name];
        assert.ok(expected, "not recorded: run record.ts");
        await build(project);
        const found = await imageFacts(await save(), base);
        assert.deepEqual(found.files, expected.files);
        assert.deepEqual(found.history, expected.history);
        assert.deepEqual(found.config, expected.config);
      });
    }

    async function build(project: Project): Promise<void> {
      const query = new URLSearchParams({ t: "built", target: project.target ?? "", rm: "1" });
      query.set("buildargs", JSON.stringify(project.arguments ?? {}));
      const asked = request({
        socketPath: daemon.socket,
        method: "POST",
        path: `/build?${query.toString()}`,
      });
      asked.setHeader("Content-Type", "application/x-tar");
      asked.end(projectArchive(project));
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      const answer = await text(response);
      assert.match(answer, /Successfully tagged built:latest/);
    }

    async function save(): Promise<Buffer> {
      const asked = request({ socketPath: daemon.socket, path: "/images/built/get" });
      asked.end();
      const [response] = (await once(asked, "response")) as [IncomingMessage];
      return await buffer(response);
    }
  },
);
