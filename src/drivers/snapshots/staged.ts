import type { Digest } from "../../domain/digest.ts";
import type { StagedLayer, StageRequest } from "../../domain/snapshot.ts";
import type { LayerRecords } from "./layer-records.ts";
import type { UnpackLimits } from "./limits.ts";
import { unpackLayer, type UnpackedLayer } from "./unpack-layer.ts";

/** A layer's folder that was filled before its place among layers was known. */
export interface Filled {
  readonly folder: string;
  readonly unpacked: UnpackedLayer;
}

/** Fills a new folder below `l/`; without a record it is garbage of the next start, or of `remove`. */
export class StagedFolder implements StagedLayer {
  readonly diffId: Promise<Digest>;
  private readonly filling: Promise<Filled>;
  private readonly remove: (folder: string) => Promise<void>;
  private isTaken = false;
  private folder: string | undefined;

  constructor(
    binary: string,
    records: LayerRecords,
    limits: UnpackLimits,
    request: StageRequest,
    remove: (folder: string) => Promise<void>,
    signal: AbortSignal,
  ) {
    this.remove = remove;
    this.filling = this.fill(binary, records, limits, request, signal);
    this.diffId = this.filling.then(({ unpacked }) => unpacked.diffId);
    this.diffId.catch(() => undefined);
  }

  /** Gives the folder away, once. Throws what kept it from being filled. */
  async take(): Promise<Filled | undefined> {
    const filled = await this.filling;
    if (this.isTaken) return undefined;
    this.isTaken = true;
    return filled;
  }

  /** Waits for the filling to end, which the end of its source brings about. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.filling.catch(() => undefined);
    if (this.isTaken || this.folder === undefined) return;
    this.isTaken = true;
    await this.remove(this.folder);
  }

  private async fill(
    binary: string,
    records: LayerRecords,
    limits: UnpackLimits,
    request: StageRequest,
    signal: AbortSignal,
  ): Promise<Filled> {
    const folder = await records.makeFolder();
    this.folder = folder;
    const source = { ...request, diffId: null, limits };
    return { folder, unpacked: await unpackLayer(binary, records.path(folder), source, signal) };
  }
}
