import type {
  EndpointSettings,
  Filters,
  NetworkCreateAnswer,
  NetworkCreateBody,
  NetworkInspect,
  NetworksPruneAnswer,
} from "./api-types.ts";
import { withSignal } from "./with-signal.ts";
import { filtersQuery } from "./filters.ts";
import { pathOf, type Transport } from "./transport.ts";

/** `/networks` of the API. `reference` is an id, an id's beginning or a name. */
export class Networks {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  async list(filters?: Filters, signal?: AbortSignal): Promise<readonly NetworkInspect[]> {
    const query = { filters: filtersQuery(filters) };
    return await this.transport.json({
      method: "GET",
      path: "/networks",
      query,
      ...withSignal(signal),
    });
  }

  async inspect(reference: string, verbose = false, signal?: AbortSignal): Promise<NetworkInspect> {
    const path = pathOf("networks", reference);
    return await this.transport.json({
      method: "GET",
      path,
      query: { verbose },
      ...withSignal(signal),
    });
  }

  async create(body: NetworkCreateBody, signal?: AbortSignal): Promise<NetworkCreateAnswer> {
    return await this.transport.json({
      method: "POST",
      path: "/networks/create",
      json: body,
      ...withSignal(signal),
    });
  }

  async remove(reference: string, signal?: AbortSignal): Promise<void> {
    await this.transport.done({
      method: "DELETE",
      path: pathOf("networks", reference),
      ...withSignal(signal),
    });
  }

  async connect(
    reference: string,
    container: string,
    endpoint: EndpointSettings = {},
    signal?: AbortSignal,
  ): Promise<void> {
    await this.transport.done({
      method: "POST",
      path: `${pathOf("networks", reference)}/connect`,
      json: { Container: container, EndpointConfig: endpoint },
      ...withSignal(signal),
    });
  }

  async disconnect(
    reference: string,
    container: string,
    force = false,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.transport.done({
      method: "POST",
      path: `${pathOf("networks", reference)}/disconnect`,
      json: { Container: container, Force: force },
      ...withSignal(signal),
    });
  }

  async prune(filters?: Filters, signal?: AbortSignal): Promise<NetworksPruneAnswer> {
    const query = { filters: filtersQuery(filters) };
    return await this.transport.json({
      method: "POST",
      path: "/networks/prune",
      query,
      ...withSignal(signal),
    });
  }
}
