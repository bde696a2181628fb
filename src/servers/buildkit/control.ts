import { control } from "../../spec/buildkit/control.ts";
import { exportTraces, healthCheck } from "../../spec/buildkit/session.ts";
import { diskUsage, prune } from "./control/cache.ts";
import { contentMethods } from "./control/record-content.ts";
import { listenHistory, updateHistory } from "./control/history.ts";
import { solve } from "./control/solve.ts";
import { statusMessage } from "./control/status-message.ts";
import { buildkitVersion, worker } from "./control/worker.ts";
import type { BuildKit } from "./service.ts";
import { serveStreamSession } from "./session/stream-session.ts";
import { streaming, twoWay, unary, type Served } from "../../kit/grpc/server.ts";

/** moby.buildkit.v1.Control, and what a server of gRPC says of its health. */
export function controlMethods(kit: BuildKit): readonly Served[] {
  return [
    unary(control.info, () => ({ buildkitVersion })),
    unary(control.listWorkers, () => ({ records: [worker(kit.engine)] })),
    unary(control.solve, async (request, call) => ({
      exporterResponse: await solve(kit, request, call.signal),
    })),
    streaming(control.status, async function* ({ reference }, call) {
      const job = await kit.jobs.watched(reference, call.signal);
      for await (const events of job.progress.follow(call.signal)) {
        yield statusMessage(events, job.source);
      }
    }),
    unary(control.diskUsage, (request) => diskUsage(kit, request)),
    streaming(control.prune, (request, call) => prune(kit, request, call.signal)),
    streaming(control.listenBuildHistory, (request, call) =>
      listenHistory(kit.jobs, request, call.signal),
    ),
    unary(control.updateBuildHistory, (request) => updateHistory(kit.jobs, request)),
    twoWay(control.session, (requests, call) => serveStreamSession(kit.sessions, requests, call)),
    ...contentMethods(kit.jobs),
    unary(healthCheck, () => ({ status: 1 })),
    unary(exportTraces, () => ({})),
  ];
}
