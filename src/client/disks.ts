import type { ConvertBody } from "../spec/duet/disks.ts";
import { namePath } from "./images.ts";
import type { Transport } from "./transport.ts";
import { withSignal } from "./with-signal.ts";

/** Disks of machines: Duet's own routes. */
export class Disks {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** A disk that boots the image by itself, as a stream of its file. */
  convert(
    reference: string,
    body: ConvertBody,
    signal?: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    return this.transport.bytes({
      method: "POST",
      path: `/duet/v1/images/${namePath(reference)}/disk`,
      json: body,
      ...withSignal(signal),
    });
  }
}
