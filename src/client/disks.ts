import { sparseMediaType } from "../kit/sparse-frames.ts";
import type { ConvertBody, ImportDiskAnswer, ImportDiskQuery } from "../spec/duet/disks.ts";
import { namePath } from "./images.ts";
import type { Transport } from "./transport.ts";
import { withSignal } from "./with-signal.ts";

/** Disks of machines: Duet's own routes. */
export class Disks {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /**
   * A disk that boots the image by itself, as a stream of its file; `sparse` as frames for
   * `writeSparseFrames`, without the file's holes.
   */
  convert(
    reference: string,
    body: ConvertBody,
    options: { readonly sparse?: boolean } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    return this.transport.bytes({
      method: "POST",
      path: `/duet/v1/images/${namePath(reference)}/disk`,
      json: body,
      ...(options.sparse === true ? { headers: { Accept: sparseMediaType } } : {}),
      ...withSignal(signal),
    });
  }

  /** An image of the root file system of a machine's disk. */
  async import(
    disk: AsyncIterable<Uint8Array>,
    query: ImportDiskQuery,
    signal?: AbortSignal,
  ): Promise<ImportDiskAnswer> {
    return await this.transport.json({
      method: "POST",
      path: "/duet/v1/images/import-disk",
      query: { ...query },
      headers: { "Content-Type": "application/octet-stream" },
      body: disk,
      ...withSignal(signal),
    });
  }
}
