/** A manifest that says something about another. */
export interface ReferrerEntry {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes of the manifest. */
  readonly size: number;
  readonly artifactType?: string | undefined;
  readonly platform?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** `GET /duet/v1/images/{name}/referrers`. */
export interface ReferrersAnswer extends ReferrerEntry {
  readonly referrers: readonly ReferrerEntry[];
  /** Of an index: its platforms, each with what is said about it. */
  readonly manifests: readonly ReferrersAnswer[];
}
