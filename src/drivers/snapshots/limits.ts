/** Ceilings that keep a hostile layer from filling the disk. */
export interface UnpackLimits {
  /** Bytes of one layer's tar, uncompressed. */
  readonly layerBytes: number;
  /** Bytes of one layer's files as they say they are, holes included. */
  readonly logicalBytes: number;
  /** Members of one layer. */
  readonly entries: number;
}

export const defaultUnpackLimits: UnpackLimits = {
  layerBytes: 32 * 2 ** 30,
  logicalBytes: 256 * 2 ** 30,
  entries: 2_000_000,
};
