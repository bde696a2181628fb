import type { Engine } from "../../engine/engine.ts";
import type { Log } from "../../kit/log.ts";
import { JobTable } from "./control/job.ts";
import { SessionTable } from "./session/session.ts";
import { UploadTable } from "./uploads.ts";

/** BuildKit's interface with what it keeps between calls. */
export interface BuildKit {
  readonly engine: Engine;
  readonly log: Log;
  readonly jobs: JobTable;
  readonly sessions: SessionTable;
  readonly uploads: UploadTable;
}

export function createBuildKit(engine: Engine, log: Log): BuildKit {
  return {
    engine,
    log,
    jobs: new JobTable(),
    sessions: new SessionTable(),
    uploads: new UploadTable(),
  };
}
