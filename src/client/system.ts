import type {
  AuthAnswer,
  AuthConfig,
  BuildPruneAnswer,
  DiskUsageAnswer,
  EventMessage,
  Filters,
  InfoAnswer,
  VersionAnswer,
} from "./api-types.ts";
import { withSignal } from "./with-signal.ts";
import { filtersQuery } from "./filters.ts";
import { readJsonLines } from "./json-lines.ts";
import type { Transport } from "./transport.ts";

/** What the API says about the daemon as a whole. */
export class System {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  async ping(signal?: AbortSignal): Promise<void> {
    await this.transport.done({ method: "GET", path: "/_ping", ...withSignal(signal) });
  }

  async version(signal?: AbortSignal): Promise<VersionAnswer> {
    return await this.transport.json({ method: "GET", path: "/version", ...withSignal(signal) });
  }

  async info(signal?: AbortSignal): Promise<InfoAnswer> {
    return await this.transport.json({ method: "GET", path: "/info", ...withSignal(signal) });
  }

  async diskUsage(signal?: AbortSignal): Promise<DiskUsageAnswer> {
    return await this.transport.json({ method: "GET", path: "/system/df", ...withSignal(signal) });
  }

  /** Removes what builds keep for later ones; what images need, too, only with `all`. */
  async pruneBuildCache(
    query: {
      readonly all?: boolean;
      /** Bytes, each: that stay, that the cache may have, that the disk is to have free. */
      readonly reservedSpace?: number;
      readonly maximumUsedSpace?: number;
      readonly minimumFreeSpace?: number;
      readonly filters?: Filters;
    },
    signal?: AbortSignal,
  ): Promise<BuildPruneAnswer> {
    const spaces = {
      "reserved-space": query.reservedSpace,
      "max-used-space": query.maximumUsedSpace,
      "min-free-space": query.minimumFreeSpace,
    };
    return await this.transport.json({
      method: "POST",
      path: "/build/prune",
      query: { all: query.all, ...spaces, filters: filtersQuery(query.filters) },
      ...withSignal(signal),
    });
  }

  /** Events from now on, and those since `since`; ends at `until` (both seconds since the epoch, as text). */
  async *events(
    query: {
      readonly since?: string | undefined;
      readonly until?: string | undefined;
      readonly filters?: Filters;
    } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<EventMessage, void, undefined> {
    const { since, until, filters } = query;
    const body = this.transport.bytes({
      method: "GET",
      path: "/events",
      query: { since, until, filters: filtersQuery(filters) },
      ...withSignal(signal),
    });
    yield* readJsonLines<EventMessage>(body);
  }

  /** Tries credentials at their registry; gives the registry's word and perhaps a token to keep. */
  async login(auth: AuthConfig, signal?: AbortSignal): Promise<AuthAnswer> {
    return await this.transport.json({
      method: "POST",
      path: "/auth",
      json: auth,
      ...withSignal(signal),
    });
  }
}
