import assert from "node:assert/strict";
import { test } from "node:test";
import type { BuildClient } from "../../src/engine/build/build.ts";
import { BuildWork } from "../../src/engine/build/build-work.ts";
import { askClient } from "../../src/engine/build/client-gifts.ts";
import type { PlannedStage } from "../../src/engine/build/planning.ts";
import { runStage, type StageRunner } from "../../src/engine/build/stage-run.ts";
import type { RunMount } from "../../src/domain/build/operation.ts";
import { never } from "../../src/kit/abort.ts";

const access = { required: true, mode: 0o400, uid: 0, gid: 0 };
const secret: RunMount = {
  ...{ kind: "secret", id: "token", target: "/token", variable: null },
  ...access,
};
const agent = (id: string, required: boolean): RunMount => ({
  ...{ kind: "ssh", id, target: "/agent" },
  ...{ ...access, required },
});

/** A stage of one step that mounts the secret. */
const stage = {
  image: null,
  plan: {
    stage: {
      index: 0,
      base: { kind: "scratch" },
      platform: { os: "linux", architecture: "amd64" },
    },
    steps: [
      {
        ...{ name: "RUN true", range: { first: 1, last: 1 }, history: null },
        operation: {
          ...{ kind: "run", argv: ["true"], files: [], env: [], uncountedEnv: [], user: "" },
          ...{ workingDirectory: "/", mounts: [secret], network: "none", security: "sandbox" },
        },
      },
    ],
  },
} as unknown as PlannedStage;

test(
  "steps whose clients give them nothing hold no turn that others' steps wait for",
  { timeout: 60_000 },
  async () => {
    const builds = new BuildWork();
    const asked: (() => void)[] = [];
    const client = {
      tell: () => undefined,
      secret: () => new Promise<undefined>((resolve) => void asked.push(() => resolve(undefined))),
    };
    const engine = {
      builds,
      settings: { defaultIsolation: "container" },
      store: { buildCache: { get: () => undefined } },
    };
    const runners = Array.from({ length: 2_000 }, (_, index) => {
      const request = { noCache: false, epoch: null, extraHosts: [] };
      const build = { engine, request, client, asking: builds.asking(), signal: never };
      const parts = {
        build,
        identity: String(index),
        uses: new DisposableStack(),
        hits: new Set(),
      };
      return { ...parts, imported: async () => new Map() } as unknown as StageRunner;
    });
    const running = Promise.allSettled(runners.map((runner) => runStage(runner, stage)));
    while (asked.length < runners.length) await new Promise(setImmediate);
    assert.equal(await builds.turns.run(never, async () => "done"), "done");
    for (const answer of asked) answer();
    for (const result of await running) {
      assert.equal(result.status, "rejected");
      assert.match(String(result.reason), /secret token: not found/);
    }
  },
);

test("what a client has given is given back where it has not all that a step needs", async () => {
  const closed: string[] = [];
  const client = {
    ssh: async (id: string) =>
      id === "none"
        ? undefined
        : { path: `/${id}`, [Symbol.asyncDispose]: async () => void closed.push(id) },
  } as unknown as BuildClient;
  const given = await askClient(client, [agent("a", true), agent("none", false)], never);
  assert.deepEqual(
    [...given.agents.values()].map(({ path }) => path),
    ["/a"],
  );
  assert.deepEqual(closed, []);
  await given[Symbol.asyncDispose]();
  const asking = askClient(client, [agent("b", true), agent("none", true)], never);
  await assert.rejects(asking, { code: "SSH_NOT_FOUND" });
  assert.deepEqual(closed, ["a", "b"]);
});
