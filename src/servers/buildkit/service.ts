import type { Engine } from "../../engine/engine.ts";
import { RunningBuilds } from "../docker/build/running-builds.ts";
import type { Log } from "../../kit/log.ts";
import { JobTable } from "./control/job.ts";
import { SavedBuilds } from "./control/saved-builds.ts";
import { SessionTable } from "./session/session.ts";
import { UploadTable } from "./uploads.ts";

/** BuildKit's interface with what it keeps between calls. */
export interface BuildKit {
  readonly engine: Engine;
  readonly log: Log;
  readonly jobs: JobTable;
  readonly sessions: SessionTable;
  readonly uploads: UploadTable;
  readonly running: RunningBuilds;
  /** Where sockets are that lead to clients' ssh agents. */
  readonly agentsFolder: string;
}

/** Absolute paths of what BuildKit's interface keeps. */
export interface BuildKitFolders {
  /** Builds that have ended; null for none. */
  readonly history: string | null;
  /** Sockets that lead to clients' ssh agents; another daemon's are nobody's. */
  readonly agents: string;
}

export function createBuildKit(engine: Engine, log: Log, folders: BuildKitFolders): BuildKit {
  const { history } = folders;
  return {
    engine,
    log,
    jobs: new JobTable(history === null ? null : new SavedBuilds(history, log)),
    sessions: new SessionTable(),
    uploads: new UploadTable(),
    running: new RunningBuilds(),
    agentsFolder: folders.agents,
  };
}
