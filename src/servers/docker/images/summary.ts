import type { ImageName, ImageRecord } from "../../../domain/image.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
} from "../../../domain/reference.ts";
import type { ImageSummary } from "../../../spec/docker/image.ts";
import { imageSummary } from "../../../spec/docker/versions.ts";
import { inVersion } from "../in-version.ts";
import { unixSeconds } from "../time.ts";

export interface NamedImage {
  readonly image: ImageRecord;
  readonly names: readonly ImageName[];
}

/** `nginx:latest` for every name with a tag, in the order of their whole names, as Docker's. */
export function repoTags(names: readonly ImageName[]): string[] {
  const tagged = names
    .map((name) => parseReference(name.name))
    .filter((reference) => reference.tag !== "");
  return familiarInOrder(tagged.map((reference) => ({ ...reference, digest: null })));
}

/** `nginx@sha256:…` for every digest of every repository that the image is known from, in that order. */
export function repoDigests(names: readonly ImageName[]): string[] {
  return familiarInOrder(
    names.map(({ name, target }) => ({ ...parseReference(name), tag: "", digest: target.digest })),
  );
}

function familiarInOrder(references: readonly Reference[]): string[] {
  const byName = new Map(references.map((reference) => [formatReference(reference), reference]));
  const inOrder = [...byName].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return inOrder.map(([, reference]) => familiarReference(reference));
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
