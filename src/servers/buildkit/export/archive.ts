import { runPart } from "../front-end/vertex.ts";
import type { Export, ExportResponse } from "./export.ts";
import { namesOf, responseOf, storeImage } from "./image.ts";
import { sendFile } from "./send.ts";

/**
 * `--output type=docker|oci,dest=FILE`: a tar with OCI layout and Docker's manifest.json. The image does not stay
 * here, unless it was here before or comes with a name of another exporter.
 */
export async function exportArchive(
  wanted: Export,
  kind: "docker" | "oci",
  signal: AbortSignal,
): Promise<ExportResponse> {
  const { kit, job, exporter } = wanted;
  const title = `exporting to ${kind} image format`;
  return await runPart(
    job.progress.tell,
    title,
    `${job.request.reference}\0${wanted.index}`,
    async (progress) => {
      const names = namesOf(exporter.attributes.get("name"));
      const before = new Set(kit.engine.images.list().map(({ image }) => image.id));
      const image = await storeImage(wanted, [], progress, signal);
      try {
        await sendFile(wanted, kit.engine.images.save([image.id], signal), progress, signal);
        return responseOf(image, names);
      } finally {
        if (!before.has(image.id)) {
          await kit.engine.images
            .remove(
              image.id,
              { force: false, prune: true },
              AbortSignal.timeout(removeMilliseconds),
            )
            .catch(() => undefined);
        }
      }
    },
  );
}

const removeMilliseconds = 30_000;
