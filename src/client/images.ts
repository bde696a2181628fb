import { DuetError } from "../kit/errors.ts";
import type {
  AuthConfig,
  Filters,
  ImageDeleteEntry,
  ImageHistoryEntry,
  ImageInspect,
  ImageSummary,
  ProgressMessage,
  ImagesPruneAnswer,
} from "./api-types.ts";
import type { ReferrersAnswer } from "../spec/duet/referrers.ts";
import { withSignal } from "./with-signal.ts";
import { filtersQuery } from "./filters.ts";
import { readJsonLines } from "./json-lines.ts";
import type { Call, Transport } from "./transport.ts";

/** `/images` of the API. */
export class Images {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  async list(
    query: {
      readonly all?: boolean;
      readonly digests?: boolean;
      /** What each image is made of, by platform. */
      readonly manifests?: boolean;
      readonly filters?: Filters;
    } = {},
    signal?: AbortSignal,
  ): Promise<readonly ImageSummary[]> {
    const { all, digests, manifests } = query;
    return await this.transport.json({
      method: "GET",
      path: "/images/json",
      query: { all, digests, manifests, filters: filtersQuery(query.filters) },
      ...withSignal(signal),
    });
  }

  async inspect(reference: string, signal?: AbortSignal): Promise<ImageInspect> {
    return await this.transport.json({
      method: "GET",
      path: `/images/${namePath(reference)}/json`,
      ...withSignal(signal),
    });
  }

  async history(reference: string, signal?: AbortSignal): Promise<readonly ImageHistoryEntry[]> {
    const path = `/images/${namePath(reference)}/history`;
    return await this.transport.json({ method: "GET", path, ...withSignal(signal) });
  }

  /**
   * Pulls `name[:tag|@digest]` and gives its progress. Throws what the registry or the daemon
   * reported, also when it comes in mid-stream.
   */
  async *pull(
    reference: string,
    options: {
      readonly platform?: string | undefined;
      readonly auth?: AuthConfig | undefined;
      readonly allTags?: boolean;
      /** Also what an index names for other platforms, to push it on whole. */
      readonly allPlatforms?: boolean;
      /** Also what the pull spent its time on, as the last message's `aux`: `Timings`. */
      readonly timings?: boolean;
    } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { repository, tag } = splitReference(reference);
    yield* this.progress({
      method: "POST",
      path: "/images/create",
      query: {
        fromImage: repository,
        tag: tag ?? (options.allTags === true ? undefined : "latest"),
        platform: options.platform,
        ...(options.allPlatforms === true ? { allPlatforms: "1" } : {}),
        ...(options.timings === true ? { timings: "1" } : {}),
      },
      headers: authHeader(options.auth),
      ...withSignal(signal),
    });
  }

  /** Asks the registry of an image what it has about it. */
  async referrers(
    reference: string,
    options: { readonly auth?: AuthConfig | undefined } = {},
    signal?: AbortSignal,
  ): Promise<ReferrersAnswer> {
    return await this.transport.json({
      method: "GET",
      path: `/duet/v1/images/${namePath(reference)}/referrers`,
      headers: authHeader(options.auth),
      ...withSignal(signal),
    });
  }

  async *push(
    reference: string,
    options: { readonly auth?: AuthConfig | undefined } = {},
    signal?: AbortSignal,
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const { repository, tag } = splitReference(reference);
    yield* this.progress({
      method: "POST",
      path: `/images/${namePath(repository)}/push`,
      query: { tag: tag ?? "latest" },
      headers: { "X-Registry-Auth": "e30=", ...authHeader(options.auth) },
      ...withSignal(signal),
    });
  }

  async tag(source: string, target: string, signal?: AbortSignal): Promise<void> {
    const { repository, tag } = splitReference(target);
    const path = `/images/${namePath(source)}/tag`;
    await this.transport.done({
      method: "POST",
      path,
      query: { repo: repository, tag },
      ...withSignal(signal),
    });
  }

  async remove(
    reference: string,
    query: { readonly force?: boolean; readonly noprune?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<readonly ImageDeleteEntry[]> {
    const path = `/images/${namePath(reference)}`;
    return await this.transport.json({ method: "DELETE", path, query, ...withSignal(signal) });
  }

  async prune(filters?: Filters, signal?: AbortSignal): Promise<ImagesPruneAnswer> {
    const query = { filters: filtersQuery(filters) };
    return await this.transport.json({
      method: "POST",
      path: "/images/prune",
      query,
      ...withSignal(signal),
    });
  }

  /** A tar of the images in Docker's and OCI's layout. */
  save(
    references: readonly string[],
    signal?: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    return this.transport.bytes({
      method: "GET",
      path: "/images/get",
      query: { names: references },
      ...withSignal(signal),
    });
  }

  load(
    tar: AsyncIterable<Uint8Array>,
    quiet = false,
    signal?: AbortSignal,
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    return this.progress({
      method: "POST",
      path: "/images/load",
      query: { quiet },
      headers: { "Content-Type": "application/x-tar" },
      body: tar,
      ...withSignal(signal),
    });
  }

  /** A root file system's tar as a new image; `source` is `-` or a URL for the daemon to fetch. */
  import(
    options: {
      readonly source: string;
      readonly reference?: string | undefined;
      readonly changes: readonly string[];
      readonly message?: string | undefined;
      readonly platform?: string | undefined;
      readonly body?: AsyncIterable<Uint8Array>;
    },
    signal?: AbortSignal,
  ): AsyncGenerator<ProgressMessage, void, undefined> {
    const target = options.reference === undefined ? null : splitReference(options.reference);
    return this.progress({
      method: "POST",
      path: "/images/create",
      query: {
        fromSrc: options.source,
        repo: target?.repository,
        tag: target?.tag,
        message: options.message,
        changes: options.changes,
        platform: options.platform,
      },
      ...(options.body === undefined
        ? {}
        : { headers: { "Content-Type": "application/x-tar" }, body: options.body }),
      ...withSignal(signal),
    });
  }

  private async *progress(call: Call): AsyncGenerator<ProgressMessage, void, undefined> {
    for await (const event of readJsonLines<ProgressMessage>(this.transport.bytes(call))) {
      const message = event.errorDetail?.message ?? event.error;
      if (message !== undefined) throw transferFailed(message);
      yield event;
    }
  }
}

/** The daemon writes its hint on the lines after the message: the stream has no other place for it. */
function transferFailed(text: string): DuetError {
  const [message = "", ...hint] = text.split("\n");
  const options = hint.length === 0 ? {} : { hint: hint.join(" ") };
  return new DuetError("internal", "IMAGE_TRANSFER_FAILED", message, options);
}

/** Docker's routes take an image name with its slashes as they are. */
export function namePath(reference: string): string {
  return reference.split("/").map(encodeURIComponent).join("/");
}

/** `repository` and `tag` (or digest) of a reference; a colon before the last slash is a port. */
export function splitReference(reference: string): {
  readonly repository: string;
  readonly tag: string | undefined;
} {
  const at = reference.indexOf("@");
  if (at >= 0) return { repository: reference.slice(0, at), tag: reference.slice(at + 1) };
  const colon = reference.lastIndexOf(":");
  if (colon <= reference.lastIndexOf("/")) return { repository: reference, tag: undefined };
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

export function authHeader(auth: AuthConfig | undefined): Record<string, string> {
  if (auth === undefined) return {};
  return { "X-Registry-Auth": Buffer.from(JSON.stringify(auth)).toString("base64url") };
}
