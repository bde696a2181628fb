import type { IndexAnswer, IndexBody, ManifestAnswer } from "../spec/duet/manifests.ts";
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

  /** What a registry has under a name. */
  async read(
    reference: string,
    auth: AuthConfig | undefined,
    signal?: AbortSignal,
  ): Promise<ManifestAnswer> {
    return await this.transport.json({
      method: "GET",
      path: `/duet/v1/images/${namePath(reference)}/manifest`,
      headers: authHeader(auth),
      ...withSignal(signal),
    });
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
