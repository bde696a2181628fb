import type { ImageSummary } from "../../client/api-types.ts";
import type { Columns } from "../format/table.ts";
import { decimalSize } from "../quantities.ts";
import { agoOf, localTime } from "./times.ts";

/** One line of `images`: an image under one of its names. */
export interface ImageRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const none = "<none>";

/** A row per tag; with digests also per digest without tag; `<none>` for an image without a name. */
export function imageRows(images: readonly ImageSummary[], digests: boolean): ImageRow[] {
  return images.flatMap((image) => {
    const byRepository = new Map<string, { tags: string[]; digests: string[] }>();
    const entry = (repository: string): { tags: string[]; digests: string[] } => {
      const known = byRepository.get(repository) ?? { tags: [], digests: [] };
      byRepository.set(repository, known);
      return known;
    };
    for (const name of image.RepoTags ?? []) {
      const colon = name.lastIndexOf(":");
      entry(name.slice(0, colon)).tags.push(name.slice(colon + 1));
    }
    for (const name of image.RepoDigests ?? []) {
      const at = name.indexOf("@");
      entry(name.slice(0, at)).digests.push(name.slice(at + 1));
    }
    byRepository.delete(none);
    const rows = [...byRepository].flatMap(([repository, names]) => {
      const own = names.digests.length > 0 ? names.digests : [none];
      // Which of them a tag names is not told.
      const shown = digests ? own : own.slice(0, 1);
      if (names.tags.length > 0)
        return names.tags.flatMap((tag) =>
          shown.map((digest) => ({ image, repository, tag, digest })),
        );
      return digests || names.digests.length > 0
        ? shown.map((digest) => ({ image, repository, tag: none, digest }))
        : [];
    });
    return rows.length > 0 ? rows : [{ image, repository: none, tag: none, digest: none }];
  });
}

/** What `images --format` can name. */
export function imageColumns(truncate: boolean): Columns<ImageRow> {
  const count = (value: number): string => (value < 0 ? "N/A" : decimalSize(value));
  return {
    ID: {
      header: "IMAGE ID",
      value: ({ image }) => (truncate ? shortImageId(image.Id) : image.Id),
    },
    Repository: { header: "REPOSITORY", value: (row) => row.repository },
    Tag: { header: "TAG", value: (row) => row.tag },
    Digest: { header: "DIGEST", value: (row) => row.digest },
    CreatedSince: { header: "CREATED", value: ({ image }) => agoOf(image.Created * 1_000) },
    CreatedAt: { header: "CREATED AT", value: ({ image }) => localTime(image.Created * 1_000) },
    Size: { header: "SIZE", value: ({ image }) => decimalSize(image.Size) },
    Containers: {
      header: "CONTAINERS",
      value: ({ image }) => (image.Containers < 0 ? "N/A" : String(image.Containers)),
    },
    VirtualSize: { header: "SIZE", value: ({ image }) => decimalSize(image.Size) },
    SharedSize: { header: "SHARED SIZE", value: ({ image }) => count(image.SharedSize) },
    UniqueSize: {
      header: "UNIQUE SIZE",
      value: ({ image }) =>
        image.SharedSize < 0 ? "N/A" : decimalSize(image.Size - image.SharedSize),
    },
  };
}

/** Twelve digits, without `sha256:`. */
export function shortImageId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}
