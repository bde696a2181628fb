import type { Filters, VolumesPruneAnswer, VolumeBody, VolumeCreateBody } from "./api-types.ts";
import { withSignal } from "./with-signal.ts";
import { filtersQuery } from "./filters.ts";
import { pathOf, type Transport } from "./transport.ts";

/** `/volumes` of the API. */
export class Volumes {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  async list(filters?: Filters, signal?: AbortSignal): Promise<readonly VolumeBody[]> {
    const query = { filters: filtersQuery(filters) };
    const call = { method: "GET", path: "/volumes", query, ...withSignal(signal) } as const;
    return (
      (await this.transport.json<{ readonly Volumes?: readonly VolumeBody[] | null }>(call))
        .Volumes ?? []
    );
  }

  async inspect(name: string, signal?: AbortSignal): Promise<VolumeBody> {
    return await this.transport.json({
      method: "GET",
      path: pathOf("volumes", name),
      ...withSignal(signal),
    });
  }

  /** Without a name the daemon makes one up. */
  async create(body: VolumeCreateBody, signal?: AbortSignal): Promise<VolumeBody> {
    return await this.transport.json({
      method: "POST",
      path: "/volumes/create",
      json: body,
      ...withSignal(signal),
    });
  }

  async remove(name: string, force = false, signal?: AbortSignal): Promise<void> {
    await this.transport.done({
      method: "DELETE",
      path: pathOf("volumes", name),
      query: { force },
      ...withSignal(signal),
    });
  }

  async prune(filters?: Filters, signal?: AbortSignal): Promise<VolumesPruneAnswer> {
    const query = { filters: filtersQuery(filters) };
    return await this.transport.json({
      method: "POST",
      path: "/volumes/prune",
      query,
      ...withSignal(signal),
    });
  }
}
