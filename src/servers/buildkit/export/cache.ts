import { parseReference } from "../../../domain/reference.ts";
import type { BuildResult } from "../../../engine/build/build.ts";
import { DuetError, prefixed } from "../../../kit/errors.ts";
import type { ExporterEntry } from "../../../spec/buildkit/control.ts";
import type { Job } from "../control/job.ts";
import { runPart, type PartProgress } from "../front-end/vertex.ts";
import type { BuildKit } from "../service.ts";
import { writeBlob } from "../session/content.ts";
import { readCredentials } from "../session/secrets.ts";
import type { Session } from "../session/session.ts";
import type { ExportResponse } from "./export.ts";

/** What the client reads of a cache in a folder of its own, for the folder's index. */
const manifestField = "cache.manifest";

/** What says where a cache goes, by its type. */
const placeAttributes = new Map([
  ["registry", "ref"],
  ["local", "dest"],
]);

/** Throws `unsupported` CACHE_EXPORT for a place that Duet cannot put a cache. */
export function checkCacheExport({ type, attributes }: ExporterEntry): void {
  if (type === "inline") return;
  const needed = placeAttributes.get(type);
  if (needed === undefined) {
    throw refused(`cache export of type ${type.slice(0, 40)} is not supported`);
  }
  if ((attributes.get(needed) ?? "") !== "") return;
  throw refused(`cache export of type ${type} needs ${needed}`);
}

function refused(message: string): DuetError {
  return new DuetError("unsupported", "CACHE_EXPORT", message, {
    hint: "use --cache-to type=registry,ref=NAME, type=local,dest=FOLDER or type=inline",
  });
}

/** `--cache-to`: puts the layers of a build's steps where a later build finds them, on whatever machine. */
export async function exportCache(
  kit: BuildKit,
  job: Job,
  session: Session,
  wanted: { readonly results: readonly BuildResult[]; readonly cache: ExporterEntry },
  signal: AbortSignal,
): Promise<ExportResponse> {
  const { results, cache } = wanted;
  const { type, attributes } = cache;
  if (type === "inline") return new Map();
  const place = attributes.get(placeAttributes.get(type) ?? "") ?? "";
  const options = { all: attributes.get("mode") === "max" };
  const response = new Map<string, string>();
  const title = `exporting cache to ${type === "local" ? "client directory" : "registry"}`;
  const identity = `${job.request.reference}\0${place}`;
  const put = async (progress: PartProgress): Promise<void> =>
    await kit.engine.build.exportCache(
      results,
      options,
      async (target, blobs) => {
        if (type === "registry") {
          const auth = await readCredentials(session, parseReference(place).domain, signal);
          await kit.engine.images.pushTarget(place, target, auth, signal);
        } else {
          for (const blob of blobs) {
            const content = await kit.engine.build.blob(blob.digest);
            await writeBlob(session, `local:${place}`, blob, content, signal);
            progress.status(`writing layer ${blob.digest}`, 0, true);
          }
          const { mediaType, digest, size } = target;
          response.set(manifestField, JSON.stringify({ mediaType, digest, size }));
        }
        progress.status(`writing cache image manifest ${target.digest}`, 0, true);
      },
      signal,
    );
  try {
    await runPart(job.progress.tell, title, identity, put);
  } catch (error) {
    signal.throwIfAborted();
    if (attributes.get("ignore-error") === "true") return new Map();
    throw prefixed("failed to export the cache", error);
  }
  return response;
}
