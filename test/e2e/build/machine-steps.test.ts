import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../../src/kit/subprocess.ts";
import { parseExposition } from "../../servers/native/parse-exposition.ts";
import { TestDaemon } from "../daemon.ts";
import { loadImages } from "../images.ts";

const program = join(import.meta.dirname, "../../../bin/duet");
const buildMilliseconds = 400_000;

const dockerfile = `FROM busybox
COPY file /app/
RUN --mount=type=cache,target=/deep/cache --mount=type=bind,target=/context \\
    --mount=type=secret,id=token \\
    cat /run/secrets/token /context/file > /made; uname -n > /name; rm /app/file; touch /deep/cache/x
RUN test ! -e /app/file; ls -d /deep /context /run/secrets; echo second > /second
`;

test("steps of a build run in machines, and nothing of their mounts is in the image", async (context) => {
  const daemon = await TestDaemon.start(context);
  await loadImages(daemon, "busybox");
  const folder = join(daemon.folder, "context");
  await mkdir(folder);
  await writeFile(join(folder, "file"), "of the context\n");
  await writeFile(join(daemon.folder, "token"), "said ");
  const build = async (text: string, ...args: string[]) =>
    await run(program, ["build", "--isolation", "vm", ...args, "-f", "-", folder], {
      signal: AbortSignal.timeout(buildMilliseconds),
      input: text,
      okCodes: "any",
      env: { DUET_HOST: `unix://${daemon.socket}` },
    });
  const secret = ["--secret", `id=token,src=${join(daemon.folder, "token")}`];
  const made = await build(dockerfile, "--progress", "plain", ...secret, "-t", "made");
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /\/deep: No such file/);
  assert.match(made.stderr, /\/context: No such file/);
  assert.match(made.stderr, /\/run\/secrets: No such file/);
  const seen = await daemon.docker("run", "--rm", "made", "cat", "/made", "/name", "/second");
  assert.equal(seen, "said of the context\nbuildkitsandbox\nsecond\n");
  const again = await build(dockerfile, "-q", ...secret, "-t", "again");
  assert.equal(again.stdout.toString(), await daemon.docker("images", "-q", "--no-trunc", "made"));
  const failed = await build("FROM busybox\nRUN echo why >&2; exit 9\n", "--progress", "plain");
  assert.match(failed.stderr, /why[^]*exit code: 9/);
  const shared = await build("FROM busybox\nRUN --network=host true\n", "--allow", "network.host");
  assert.match(shared.stderr, /virtual machine cannot share the host's network/);
  await daemon.assertNothingOf("builds in machines");
});

test("each command has one machine, which also tells what was changed", async (context) => {
  const daemon = await TestDaemon.start(context);
  await loadImages(daemon, "busybox");
  const used = async (): Promise<number> => {
    const exposition = parseExposition(await daemon.request("GET", "/metrics").body);
    return exposition.get("duet_machines_used_total")?.samples[0]?.value ?? Number.NaN;
  };
  const before = await used();
  const { code, stderr } = await run(program, ["build", "--isolation", "vm", "-"], {
    signal: AbortSignal.timeout(buildMilliseconds),
    input: "FROM busybox\nRUN echo one > /one\nRUN cat /one > /two\n",
    okCodes: [0, 1],
    env: { DUET_HOST: `unix://${daemon.socket}` },
  });
  assert.equal(code, 0, stderr);
  assert.equal(await used(), before + 2);
});
