/** A platform as in an index (OCI image-spec, image-index.md). */
export interface ManifestPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

/** `GET /duet/v1/images/{name}/manifest`: what a registry has under a name. */
export interface ManifestAnswer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** Of the image, or of those that an index names. */
  readonly platforms: readonly ManifestPlatform[];
  /** The manifest itself, its exact text. */
  readonly content: string;
}

/** Body of `PUT /duet/v1/images/{name}/manifest`. */
export interface IndexBody {
  readonly mediaType: string;
  /** The index itself, its exact text. */
  readonly content: string;
  /** Where each manifest of the index is, in its order. */
  readonly sources: readonly string[];
}

export interface IndexAnswer {
  readonly digest: string;
}
