import { bridge } from "../../spec/buildkit/gateway.ts";
import { DuetError } from "../../kit/errors.ts";
import { buildFailure } from "./control/failure.ts";
import type { Job } from "./control/job.ts";
import { frontEndCapabilities, graphCapabilities } from "./control/capabilities.ts";
import { worker } from "./control/worker.ts";
import { solveDockerfile } from "./front-end/front-end.ts";
import type { BuildKit } from "./service.ts";
import { unary, type Call, type Served } from "../../kit/grpc/server.ts";

/** Header by which a client says to which of its builds a call belongs. */
const buildHeader = "buildkit-controlapi-buildid";

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
        workers: [worker()],
      };
    }),
    unary(bridge.solve, async (request, call) => {
      const build = await job(call);
      if (request.frontend === "" && (request.definition?.operations.length ?? 0) === 0) {
        return { result: { reference: { id: "" } } };
      }
      if (request.frontend !== "dockerfile.v0") throw unsupportedGraph();
      const signal = AbortSignal.any([call.signal, build.signal]);
      try {
        const session = await kit.sessions.get(build.request.session, signal);
        const ended = AbortSignal.any([signal, session.signal]);
        const result = await solveDockerfile(kit, build, session, request.options, ended);
        return { result };
      } catch (error) {
        throw buildFailure(error, build.source);
      }
    }),
    unary(bridge.return, async ({ result, error }, call) => {
      (await job(call)).giveBackResult({ result, error });
      return {};
    }),
    unary(bridge.evaluate, async ({ reference }, call) => {
      const build = await job(call);
      if (reference !== "") build.result(reference);
      return {};
    }),
    unary(bridge.inputs, async (_, call) => {
      await job(call);
      return { definitions: new Map() };
    }),
    unary(bridge.warn, async (warning, call) => {
      const build = await job(call);
      if (build.definitionVertex === null) return {};
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
      return {};
    }),
  ];
}

export function unsupportedGraph(): DuetError {
  return new DuetError(
    "unsupported",
    "BUILD_GRAPH",
    "graphs of BuildKit's own language (LLB) are not supported: this engine builds Dockerfiles",
    { hint: "builds need a Dockerfile in the context, in a folder or from standard input" },
  );
}
