import assert from "node:assert/strict";
import { test } from "node:test";
import { duplexPair, type Duplex } from "node:stream";
import { Builds, type BuildCall } from "../../src/client/build/builds.ts";
import type { Transport } from "../../src/client/transport.ts";
import { canceled } from "../../src/kit/abort.ts";
import { serveGrpc } from "../../src/kit/grpc/server.ts";
import { silentLog } from "../../src/kit/log.ts";

const call: BuildCall = {
  ...{ options: new Map(), exporters: [], cacheFrom: [], cacheTo: [], entitlements: [] },
  ...{ place: "/", onProgress: () => undefined },
  shared: {
    folders: new Map(),
    secrets: new Map(),
    agents: new Map(),
    layouts: new Map(),
    receivers: new Map(),
  },
};

test("a build that is given up before its progress is asked for fails with the reason alone", async () => {
  const given = new AbortController();
  const why = canceled("nobody waits any more");
  const [near, far] = duplexPair();
  const served = serveGrpc(far, new Map(), silentLog, given.signal);
  const upgrade = async ({ path }: { readonly path: string }): Promise<{ socket: Duplex }> => {
    if (path === "/grpc") return { socket: near };
    given.abort(why);
    throw why;
  };
  const builds = new Builds({ upgrade } as unknown as Transport);
  await assert.rejects(builds.run(call, given.signal), why);
  await served.catch(() => undefined);
});
