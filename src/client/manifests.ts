import type { IndexAnswer, IndexBody, ManifestAnswer } from "../spec/duet/manifests.ts";
import { DuetError } from "../kit/errors.ts";
import type { AuthConfig } from "./api-types.ts";
import { authHeader, namePath } from "./images.ts";
import type { Transport } from "./transport.ts";
import { withSignal } from "./with-signal.ts";

/** Manifests and indexes at registries: Duet's own routes. */
export class Manifests {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** What a registry has under a name. Throws `not-found` MANIFEST_UNKNOWN, in the words of Docker's client. */
  async read(
    reference: string,
    auth: AuthConfig | undefined,
    signal?: AbortSignal,
  ): Promise<ManifestAnswer> {
    try {
      return await this.transport.json({
        method: "GET",
        path: `/duet/v1/images/${namePath(reference)}/manifest`,
        headers: authHeader(auth),
        ...withSignal(signal),
      });
    } catch (error) {
      if (!(error instanceof DuetError) || error.code !== "MANIFEST_UNKNOWN") throw error;
      throw new DuetError("not-found", error.code, `no such manifest: ${reference}`, {
        cause: error,
      });
    }
  }

  /** Writes an index under a name, with all that it names. */
  async write(
    reference: string,
    body: IndexBody,
    auth: AuthConfig | undefined,
    signal?: AbortSignal,
  ): Promise<IndexAnswer> {
    return await this.transport.json({
      method: "PUT",
      path: `/duet/v1/images/${namePath(reference)}/manifest`,
      headers: authHeader(auth),
      json: body,
      ...withSignal(signal),
    });
  }
}
