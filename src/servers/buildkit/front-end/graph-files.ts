import { randomBytes } from "node:crypto";
import { DuetError } from "../../../kit/errors.ts";
import type { GatewayResult } from "../../../spec/buildkit/gateway.ts";
import type { Definition } from "../../../spec/buildkit/solver.ts";
import type { Job, ReadableFiles } from "../control/job.ts";
import type { BuildKit } from "../service.ts";
import type { Session } from "../session/session.ts";
import { readGraph } from "./graph.ts";
import { loadRemoteContext, placeOf } from "./remote-context.ts";

/** The name of a file that came alone. BuildKit's clients choose it so. */
const onlyFile = "context";

/**
 * Fetches what a client's graph is of, for the client to read files of it: so `docker buildx bake URL` finds its
 * definitions. Throws `unsupported` BUILD_GRAPH.
 */
export async function solveGraph(
  kit: BuildKit,
  job: Job,
  session: Session,
  definition: Definition,
  signal: AbortSignal,
): Promise<GatewayResult> {
  const place = placeOf(readGraph(definition));
  const context = await loadRemoteContext(kit, job, session, place, signal);
  const id = randomBytes(16).toString("hex");
  const files: ReadableFiles = {
    read: async (path, until) => {
      const content =
        context.kind === "folder"
          ? await kit.engine.build.readFile(context.tree, path, until)
          : path === onlyFile
            ? context.content
            : null;
      if (content !== null) return content;
      throw new DuetError("not-found", "FILE_NOT_FOUND", `${path.slice(0, 200)}: no such file`);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(context[Symbol.asyncDispose]()),
  };
  await job.keepFiles(id, files);
  return { reference: { id, definition }, references: undefined, metadata: new Map() };
}
