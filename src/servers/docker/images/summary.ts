import type { ImageName, ImageRecord } from "../../../domain/image.ts";
import { familiarReference, parseReference } from "../../../domain/reference.ts";
import type { ImageSummary } from "../../../spec/docker/image.ts";
import { imageSummary } from "../../../spec/docker/versions.ts";
import { inVersion } from "../in-version.ts";
import { unixSeconds } from "../time.ts";

export interface NamedImage {
  readonly image: ImageRecord;
  readonly names: readonly ImageName[];
}

/** `nginx:latest` for every name with a tag. */
export function repoTags(names: readonly ImageName[]): string[] {
  return names
    .map((name) => parseReference(name.name))
    .filter((reference) => reference.tag !== "")
    .map((reference) => familiarReference({ ...reference, digest: null }));
}

/** `nginx@sha256:…` for every repository that the image is known from. */
export function repoDigests(names: readonly ImageName[]): string[] {
  const digests = names.map((name) => {
    const reference = parseReference(name.name);
    return familiarReference({ ...reference, tag: "", digest: name.target.digest });
  });
  return [...new Set(digests)];
}

export function createdAt(image: ImageRecord): number {
  const time = Date.parse(image.created);
  return Number.isNaN(time) ? 0 : time;
}

export function summariseImage({ image, names }: NamedImage, apiVersion: number): ImageSummary {
  const summary: ImageSummary = {
    Id: image.id,
    ParentId: image.parent ?? "",
    RepoTags: repoTags(names),
    RepoDigests: repoDigests(names),
    Created: unixSeconds(createdAt(image)),
    Size: image.size,
    VirtualSize: image.size,
    SharedSize: -1,
    Labels: Object.keys(image.process.labels).length > 0 ? { ...image.process.labels } : null,
    Containers: -1,
  };
  return inVersion(summary, imageSummary, apiVersion);
}
