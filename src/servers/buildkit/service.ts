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
}

/** `historyFolder` keeps builds that have ended; null for none. */
export function createBuildKit(engine: Engine, log: Log, historyFolder: string | null): BuildKit {
  return {
    engine,
    log,
    jobs: new JobTable(historyFolder === null ? null : new SavedBuilds(historyFolder, log)),
    sessions: new SessionTable(),
    uploads: new UploadTable(),
    running: new RunningBuilds(),
  };
}
