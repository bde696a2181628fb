import { ignorePatterns } from "../../../kit/patterns/ignore.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { Job } from "../control/job.ts";
import type { Source } from "../control/status-message.ts";
import { readSmallFiles } from "../session/small-files.ts";
import type { Session } from "../session/session.ts";
import type { BuildOptions } from "./options.ts";
import { runPart, TransferStatus } from "./vertex.ts";

/** A Dockerfile with what is not to be sent of its context. */
export interface Definition {
  readonly source: Source;
  /** Patterns of the `.dockerignore` beside the Dockerfile; null where there is none. */
  readonly ownIgnore: readonly string[] | null;
}

/** Reads the Dockerfile from the client's session. Throws `not-found` DOCKERFILE_MISSING. */
export async function loadDefinition(
  job: Job,
  session: Session,
  options: BuildOptions,
  signal: AbortSignal,
): Promise<Definition> {
  const { file, dockerfileFolder } = options;
  const name = `[internal] load build definition from ${file}`;
  return await runPart(job.progress.tell, name, job.request.reference, async (progress) => {
    const transfer = new TransferStatus(progress, "transferring dockerfile:");
    const ignoreFile = `${file}.dockerignore`;
    // On file systems that fold case the client may have it so.
    const other = file === "Dockerfile" ? ["dockerfile"] : [];
    const found = await readSmallFiles(
      session,
      dockerfileFolder,
      [file, ignoreFile, ...other],
      transfer.add,
      signal,
    );
    transfer.end();
    job.definitionVertex = progress.digest;
    const content = found.get(file) ?? found.get(other[0] ?? "");
    if (content === undefined) throw missing(file);
    const ignore = found.get(ignoreFile);
    return {
      source: { name: file, content },
      ownIgnore: ignore === undefined ? null : ignorePatterns(ignore),
    };
  });
}

export function missing(file: string): DuetError {
  return new DuetError(
    "not-found",
    "DOCKERFILE_MISSING",
    `failed to read dockerfile: open ${file}: no such file or directory`,
  );
}

/** Patterns of the context's own `.dockerignore`; [] where it has none. */
export async function loadIgnorePatterns(
  job: Job,
  session: Session,
  folder: string,
  title: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  return await runPart(
    job.progress.tell,
    title,
    job.request.reference + folder,
    async (progress) => {
      const transfer = new TransferStatus(progress, "transferring context:");
      const found = await readSmallFiles(session, folder, [".dockerignore"], transfer.add, signal);
      transfer.end();
      const content = found.get(".dockerignore");
      return content === undefined ? [] : ignorePatterns(content);
    },
  );
}
