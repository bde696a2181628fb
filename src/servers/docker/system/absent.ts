import { DuetError } from "../../../kit/errors.ts";
import type { Exchange } from "../exchange.ts";
import { invalid, unsupported } from "../failures.ts";
import type { Route } from "../router.ts";

function refuse(message: string, hint: string): () => Promise<void> {
  return () => Promise.reject(unsupported(message, hint));
}

const refuseBuild = refuse(
  "Duet cannot build images yet",
  "build with another tool and bring the image in with docker load or a registry",
);

async function pruneBuilds(exchange: Exchange): Promise<void> {
  exchange.query.filters();
  exchange.answer(200, { CachesDeleted: null, SpaceReclaimed: 0 });
}

async function cancelBuild(exchange: Exchange): Promise<void> {
  if (exchange.query.text("id") === "") throw invalid("build ID not provided");
  exchange.empty(200);
}

/** Docker's words for a daemon that is not experimental. */
async function refuseCheckpoint(): Promise<void> {
  throw unsupported(
    "This experimental feature is disabled by default. Start the Docker daemon in experimental mode in order to enable it.",
  );
}

async function refuseClusterVolume(): Promise<void> {
  throw new DuetError(
    "unavailable",
    "NO_SWARM",
    "volume update only valid for cluster volumes, but swarm is unavailable",
  );
}

const checkpoints = "/containers/{id}/checkpoints";

/** Paths that Docker knows and Duet does not serve: each says so in the way clients expect. */
export const absentRoutes: readonly Route[] = [
  { method: "POST", path: "/build", handle: refuseBuild },
  { method: "POST", path: "/build/cancel", handle: cancelBuild },
  {
    method: "POST",
    path: "/build/prune",
    handle: pruneBuilds,
  },
  { method: "GET", path: checkpoints, handle: refuseCheckpoint },
  { method: "POST", path: checkpoints, handle: refuseCheckpoint },
  { method: "DELETE", path: `${checkpoints}/{checkpoint}`, handle: refuseCheckpoint },
  { method: "PUT", path: "/volumes/{name}", handle: refuseClusterVolume },
];
