import {
  bridge,
  buildHeader,
  type BridgeSolveRequest,
  type GatewayResult,
} from "../../spec/buildkit/gateway.ts";
import type { ValueOfMessage } from "../../spec/protobuf.ts";
import type { Sparse } from "../../kit/grpc/encode.ts";
import { buildFailure } from "./control/failure.ts";
import type { Job } from "./control/job.ts";
import { frontEndCapabilities, graphCapabilities } from "./control/capabilities.ts";
import { worker } from "./control/worker.ts";
import { isEmpty } from "./front-end/graph.ts";
import { solveGraph } from "./front-end/graph-files.ts";
import { solveDockerfile } from "./front-end/front-end.ts";
import { checkFrontEnd } from "./front-end/syntax.ts";
import type { BuildKit } from "./service.ts";
import { unary, type Call, type Served } from "../../kit/grpc/server.ts";

type Warning = ValueOfMessage<(typeof bridge.warn)["request"]>;

/**
 * moby.buildkit.v1.frontend.LLBBridge: the client drives the build that its Solve has opened, and gives back at the
 * end what is to be exported.
 */
export function gatewayMethods(kit: BuildKit): readonly Served[] {
  const job = (call: Call): Promise<Job> => kit.jobs.get(call.header(buildHeader), call.signal);
  return [
    unary(bridge.ping, async (_, call) => {
      await job(call);
      const enabled = (ids: readonly string[]) => ids.map((id) => ({ id, enabled: true }));
      return {
        frontendCapabilities: enabled(frontEndCapabilities),
        graphCapabilities: enabled(graphCapabilities),
        workers: [worker(kit.engine)],
      };
    }),
    unary(
      bridge.solve,
      async (request, call) => await solveInBridge(kit, request, await job(call), call.signal),
    ),
    unary(bridge.return, async ({ result, error }, call) => {
      (await job(call)).giveBackResult({ result, error });
      return {};
    }),
    unary(bridge.evaluate, async ({ reference }, call) => {
      const build = await job(call);
      if (reference !== "" && !build.hasFiles(reference)) build.result(reference);
      return {};
    }),
    unary(bridge.readFile, async ({ reference, path, range }, call) => {
      const content = await (await job(call)).files(reference).read(path, call.signal);
      const { offset = 0, length = 0 } = range ?? {};
      return { data: content.subarray(offset, length > 0 ? offset + length : undefined) };
    }),
    unary(bridge.statFile, async ({ reference, path }, call) => {
      const { length } = await (await job(call)).files(reference).read(path, call.signal);
      return { stat: { path: Buffer.from(path), mode: 0o644, size: length } };
    }),
    unary(bridge.inputs, async (_, call) => {
      await job(call);
      return { definitions: new Map() };
    }),
    unary(bridge.warn, async (warning, call) => {
      tellWarning(await job(call), warning);
      return {};
    }),
  ];
}

async function solveInBridge(
  kit: BuildKit,
  request: BridgeSolveRequest,
  build: Job,
  callSignal: AbortSignal,
): Promise<{ readonly result: Sparse<GatewayResult> }> {
  if (request.frontend === "" && isEmpty(request.definition)) {
    return { result: { reference: { id: "" } } };
  }
  const signal = AbortSignal.any([callSignal, build.signal]);
  try {
    const session = await kit.sessions.get(build.request.session, signal);
    const ended = AbortSignal.any([signal, session.signal]);
    if (request.frontend === "") {
      return { result: await solveGraph(kit, build, session, request.definition!, ended) };
    }
    checkFrontEnd(request.frontend, request.options);
    return { result: await solveDockerfile(kit, build, session, request, ended) };
  } catch (error) {
    throw buildFailure(error, build.source);
  }
}

function tellWarning(build: Job, warning: Warning): void {
  if (build.definitionVertex === null) return;
  build.progress.tell({
    kind: "warning",
    vertex: build.definitionVertex,
    level: warning.level,
    short: warning.short.toString("utf8"),
    detail: warning.detail.map((line) => line.toString("utf8")),
    url: warning.url,
    ranges: warning.ranges.map(({ start, end }) => ({
      first: start?.line ?? 0,
      last: end?.line ?? 0,
    })),
  });
}
