import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../src/kit/subprocess.ts";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

const program = join(import.meta.dirname, "../../bin/duet");
const buildMilliseconds = 300_000;

/** A step that makes, one that mounts and runs, and one that changes a folder. */
const dockerfile = `FROM busybox
COPY file /app/
RUN --mount=type=cache,target=/cache --mount=type=bind,target=/context,rw \\
    --mount=type=ssh --mount=type=secret,id=token cat /run/secrets/token /context/file > /made; touch /cache/x
WORKDIR /work
`;

/** Steps of the engine, and how many passes go first where the first is not the most telling. */
const failpoints = [
  "build.copied",
  "build.layer",
  "snapshot.adopted",
  "build.adopted",
  "build.opened",
  "build.started",
  "build.ran",
  "build.adopted=1*off->kill",
  "build.stored",
];

test("a daemon killed at any step of a build leaves nothing but its cache (I105)", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const folder = join(daemon.folder, "context");
  await mkdir(folder);
  await writeFile(join(folder, "file"), "whole\n");
  await writeFile(join(daemon.folder, "token"), "said ");
  await writeFile(join(daemon.folder, "Dockerfile"), dockerfile);
  const agent = createServer().listen(join(daemon.folder, "agent"));
  context.after(() => agent.close());
  const build = async (...args: string[]) => {
    const secret = ["--secret", `id=token,src=${join(daemon.folder, "token")}`];
    const ssh = ["--ssh", `default=${join(daemon.folder, "agent")}`];
    const words = [
      "build",
      "-q",
      ...secret,
      ...ssh,
      "-f",
      join(daemon.folder, "Dockerfile"),
      ...args,
    ];
    return await run(program, [...words, folder], {
      signal: AbortSignal.timeout(buildMilliseconds),
      okCodes: "any",
      env: { DUET_HOST: `unix://${daemon.socket}` },
    });
  };
  for (const failpoint of failpoints) {
    await context.test(`at ${failpoint}`, async () => {
      await daemon.end("SIGTERM");
      await daemon.launch(failpoint.includes("=") ? failpoint : `${failpoint}=kill`);
      const attempt = build("--no-cache", "-t", "made");
      await daemon.ended();
      assert.notEqual((await attempt).code, 0);
      await daemon.launch();
      await daemon.assertNothingOf(`a build that was killed at ${failpoint}`);
      assert.deepEqual(await readdir(join(daemon.folder, "run/b")).catch(() => []), []);
      assert.equal(await daemon.docker("ps", "-aq"), "");
      const again = await build("-t", "made");
      assert.equal(again.code, 0, again.stderr);
      const seen = await daemon.docker("run", "--rm", "made", "cat", "/app/file", "/made");
      assert.equal(seen, "whole\nsaid whole\n");
      await daemon.docker("rmi", "made");
    });
  }
  await daemon.docker("builder", "prune", "-af");
  await daemon.docker("rmi", "-f", "busybox");
  await daemon.docker("image", "prune", "-af");
  assert.deepEqual(await daemon.contentLeft(), []);
});
