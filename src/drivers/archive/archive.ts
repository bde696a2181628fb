import type { ImageArchive, LoadedImage } from "../../domain/archive.ts";
import type { ContentStore } from "../../domain/content.ts";
import type { Log } from "../../kit/log.ts";
import { readDockerArchive } from "./docker-archive.ts";
import { archiveInvalid } from "./invalid.ts";
import { takeIn } from "./members.ts";
import { readOciLayout } from "./oci-layout.ts";
import { writeArchive } from "./write.ts";

/** Image archives over a content store. */
export function createImageArchive(options: {
  readonly content: ContentStore;
  readonly log: Log;
}): ImageArchive {
  const { content, log } = options;
  return {
    async read(tar, signal, { watch, repack } = {}): Promise<readonly LoadedImage[]> {
      const members = await takeIn(tar, content, signal, watch);
      const isLayout = members.document("index.json") !== undefined;
      const hasManifest = members.document("manifest.json") !== undefined;
      if (!isLayout && !hasManifest)
        throw archiveInvalid("it has neither an index.json nor a manifest.json");
      // An OCI layout keeps the manifests that the images were made with; Docker's list gives it names.
      const images = isLayout
        ? await readOciLayout(members, content)
        : await readDockerArchive(members, content, repack);
      log.debug("archive-read", { images: images.length, format: isLayout ? "oci" : "docker" });
      return images;
    },
    write: (images, signal) => writeArchive(images, content, signal),
  };
}
