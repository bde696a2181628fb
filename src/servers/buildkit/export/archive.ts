import { DuetError } from "../../../kit/errors.ts";
import { attest } from "../attest/attest.ts";
import { runPart } from "../front-end/vertex.ts";
import type { Export, ExportResponse } from "./export.ts";
import { namesOf, responseOf, storeOptions } from "./image.ts";
import { sendFile } from "./send.ts";

/**
 * `--output type=docker|oci,dest=FILE`: a tar with OCI layout and Docker's manifest.json, with an index where there are
 * several platforms or attestations. No image stays here.
 */
export async function exportArchive(
  wanted: Export,
  kind: "docker" | "oci",
  signal: AbortSignal,
): Promise<ExportResponse> {
  const { kit, job, exporter, results } = wanted;
  if (kind === "docker" && results.length > 1) {
    throw refused(
      "docker exporter does not currently support exporting manifest lists",
      "use type=oci for images of several platforms",
    );
  }
  if (exporter.attributes.get("tar") === "false") {
    throw refused(
      "an OCI layout is sent as one archive only",
      "leave out tar=false, and unpack it",
    );
  }
  const title = `exporting to ${kind} image format`;
  const identity = `${job.request.reference}\0${wanted.index}`;
  return await runPart(job.progress.tell, title, identity, async (progress) => {
    const names = namesOf(exporter.attributes.get("name"));
    const options = storeOptions(wanted, names, await attest(wanted, names, signal));
    const written = await kit.engine.build.archive(
      results,
      options,
      (archive) => sendFile(wanted, archive, progress, signal),
      signal,
    );
    return responseOf(written, names);
  });
}

function refused(message: string, hint: string): DuetError {
  return new DuetError("unsupported", "EXPORTER", message, { hint });
}
