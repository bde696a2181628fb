import assert from "node:assert/strict";
import { test } from "node:test";
import { canceled, never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { Job, JobTable } from "../../../src/servers/buildkit/control/job.ts";
import { loadRemoteContext } from "../../../src/servers/buildkit/front-end/remote-context.ts";
import { buildkitRoutes } from "../../../src/servers/buildkit/routes.ts";
import { createBuildKit } from "../../../src/servers/buildkit/service.ts";
import { buildOverSession } from "../../../src/servers/buildkit/session-build.ts";
import { noSession } from "../../../src/servers/buildkit/session/session.ts";
import { UploadTable } from "../../../src/servers/buildkit/uploads.ts";
import type { Engine } from "../../../src/engine/engine.ts";
import type { Exchange } from "../../../src/servers/docker/exchange.ts";
import { Query } from "../../../src/servers/docker/query.ts";
import { solveRequest } from "./solve-request.ts";

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {
  /* An empty context. */
}

test("builds whose contexts never come keep no others from theirs", async () => {
  const uploads = new UploadTable();
  const controller = new AbortController();
  const takes = Array.from({ length: 64 }, (_, id) => uploads.take(`${id}`, controller.signal));
  controller.abort(canceled("the client has left"));
  for (const one of await Promise.allSettled(takes)) assert.equal(one.status, "rejected");
  const taking = uploads.take("another", never);
  const giving = uploads.give("another", nothing(), never);
  for await (const _ of await taking) assert.fail("it is empty");
  await giving;
});

test("a second upload for one build is refused, and ends no other", async () => {
  const uploads = new UploadTable();
  const giving = uploads.give("one", nothing(), never);
  await assert.rejects(uploads.give("one", nothing(), never), { code: "UPLOAD_EXISTS" });
  for await (const _ of await uploads.take("one", never)) assert.fail("it is empty");
  await giving;
});

test("a context that is refused in its middle is let go of", async () => {
  let isLeft = false;
  async function* tooLarge(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) yield Buffer.alloc(1 << 20, "RUN true\n");
    } finally {
      isLeft = true;
    }
  }
  const job = new Job(solveRequest("large"), never);
  job.upload = tooLarge();
  const kit = createBuildKit({} as Engine, silentLog, { history: null, agents: "" });
  const place = { kind: "url", text: "http://buildkit-session/upload" } as const;
  await assert.rejects(loadRemoteContext(kit, job, noSession(), place, never), {
    code: "DOCKERFILE_TOO_LARGE",
  });
  assert.ok(isLeft);
});

test("an older client may cancel its build by the id that it gave it", async () => {
  const kit = createBuildKit({} as Engine, silentLog, { history: null, agents: "" });
  const routes = buildkitRoutes(kit, () => assert.fail("it is not the classic builder's"));
  const handle = async (path: string, exchange: object): Promise<void> => {
    await routes.find((route) => route.path === path)!.handle(exchange as Exchange);
  };
  const controller = new AbortController();
  const building = handle("/build", {
    query: new Query("version=2&remote=client-session&session=s&buildid=mine", {}, 1_051),
    signal: controller.signal,
    begin: () => undefined,
    write: async () => undefined,
    cancel: (why: string) => controller.abort(canceled(why)),
  });
  const failed = assert.rejects(building, { class: "canceled" });
  const answer = { empty: () => undefined };
  await handle("/build/cancel", { ...answer, query: new Query("id=another", {}, 1_051) });
  assert.ok(!controller.signal.aborted);
  await handle("/build/cancel", { ...answer, query: new Query("id=mine", {}, 1_051) });
  await failed;
});

test("an older client hears at once why its build cannot begin", async () => {
  const jobs = new JobTable(null);
  for (let name = 0; name < 256; name += 1) jobs.begin(solveRequest(String(name)), never);
  const kit = { ...createBuildKit({} as Engine, silentLog, { history: null, agents: "" }), jobs };
  let answer = "";
  const exchange = {
    query: new Query("version=2&remote=client-session&session=s", {}, 1_051),
    signal: never,
    begin: () => undefined,
    write: async (text: string) => void (answer += text),
    end: () => undefined,
  };
  await buildOverSession(kit, exchange as unknown as Exchange);
  assert.match(answer, /256 builds run already/);
});
