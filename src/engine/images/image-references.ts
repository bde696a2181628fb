import type { ImageName } from "../../domain/image.ts";
import { familiarReference, parseReference } from "../../domain/reference.ts";

/** A tag or digest that an image is known by, in Docker's sense. */
export interface ImageReference {
  /** `nginx:latest` or `nginx@sha256:…`. */
  readonly familiar: string;
  /** Domain and path. */
  readonly repository: string;
  readonly isDigest: boolean;
  /** The stored names that it stands for: one, or all that were pulled under one digest. */
  readonly names: readonly ImageName[];
}

/** Tags and digests of an image. One that was pulled or pushed by its tag is known by its digest, too. */
export function referencesOf(names: readonly ImageName[]): readonly ImageReference[] {
  const tags: ImageReference[] = [];
  const digests = new Map<string, ImageReference>();
  for (const name of names) {
    const reference = parseReference(name.name);
    const repository = `${reference.domain}/${reference.path}`;
    const familiar = familiarReference(reference);
    const isDigest = reference.tag === "";
    if (!isDigest) tags.push({ familiar, repository, isDigest, names: [name] });
    if (!isDigest && name.atRegistry !== true) continue;
    const text = familiarReference({ ...reference, tag: "", digest: name.target.digest });
    const others = digests.get(text)?.names ?? [];
    digests.set(text, { familiar: text, repository, isDigest: true, names: [...others, name] });
  }
  return [...tags, ...digests.values()];
}

/** Whether all of them are one tag and digests of the same repository: then an id may stand for all. */
export function isSingleReference(references: readonly ImageReference[]): boolean {
  const tags = references.filter(({ isDigest }) => !isDigest);
  const repositories = new Set(references.map(({ repository }) => repository));
  return references.length <= 1 || (tags.length <= 1 && repositories.size === 1);
}
