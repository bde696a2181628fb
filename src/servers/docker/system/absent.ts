import { DuetError } from "../../../kit/errors.ts";
import { unsupported } from "../failures.ts";
import type { Route } from "../router.ts";

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
  { method: "GET", path: checkpoints, handle: refuseCheckpoint },
  { method: "POST", path: checkpoints, handle: refuseCheckpoint },
  { method: "DELETE", path: `${checkpoints}/{checkpoint}`, handle: refuseCheckpoint },
  { method: "PUT", path: "/volumes/{name}", handle: refuseClusterVolume },
];
