import { createHash, randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import { canceled } from "../../kit/abort.ts";
import { GrpcClient } from "../../kit/grpc/client.ts";
import type { Sparse } from "../../kit/grpc/encode.ts";
import { serveGrpc } from "../../kit/grpc/server.ts";
import { StatusError } from "../../kit/grpc/status.ts";
import { silentLog } from "../../kit/log.ts";
import { control, type SolveRequest, type statusResponse } from "../../spec/buildkit/control.ts";
import { bridge, buildHeader } from "../../spec/buildkit/gateway.ts";
import type { ValueOfMessage } from "../../spec/protobuf.ts";
import { connectionLost } from "../byte-reader.ts";
import type { Transport } from "../transport.ts";
import { buildFailed } from "./failure.ts";
import { tagInLayout } from "./layout-index.ts";
import { sessionMethods, type SharedWithBuild } from "./session-services.ts";

/** A message of BuildKit's status stream: steps, how far they are, what they print, warnings. */
export type BuildProgress = ValueOfMessage<typeof statusResponse>;

/**
 * Where results of steps are kept for others: `registry` with `ref`, `inline`, or `local`: `dest` is a folder to write, with a
 * `tag`, and `src` one to read with the `digest` there.
 */
export interface BuildCache {
  readonly type: string;
  readonly attributes: ReadonlyMap<string, string>;
}

/** What is built: options of BuildKit's front end for Dockerfiles, and where results go. */
export interface BuildCall {
  /** Of the front end `dockerfile.v0`: `filename`, `target`, `build-arg:NAME`, `platform`, ... */
  readonly options: ReadonlyMap<string, string>;
  readonly exporters: readonly {
    readonly type: string;
    readonly attributes: ReadonlyMap<string, string>;
  }[];
  readonly cacheFrom: readonly BuildCache[];
  readonly cacheTo: readonly BuildCache[];
  readonly entitlements: readonly string[];
  /** What tells this client's folders from others', so that only changes are sent again; such as a path. */
  readonly place: string;
  readonly shared: SharedWithBuild;
  /** Hears everything that the build tells; must not throw. */
  readonly onProgress: (progress: BuildProgress) => void;
}

/** What the build gave: `containerimage.config.digest` (the image's id), `containerimage.digest`, `image.name`, ... */
export type BuildAnswer = ReadonlyMap<string, string>;

/** What a Dockerfile was found to be. */
export interface DockerfileAnswer {
  /** For people; "" where there is nothing to say. */
  readonly text: string;
  readonly json: string;
  /** Something was found that the command fails for. */
  readonly isFaulty: boolean;
}

/** Names by which the daemon knows one build and its client. */
interface BuildIds {
  readonly session: string;
  readonly reference: string;
}

/** Builds from Dockerfiles, by BuildKit's interface on the daemon's socket. */
export class Builds {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** Throws BuildFailure where the build itself fails, which tells where in the Dockerfile. */
  async run(call: BuildCall, signal: AbortSignal): Promise<BuildAnswer> {
    return await this.withSession(call, signal, async (client, ids, both) => {
      const watched = watch(client, ids.reference, call, both);
      const answer = await client.call(control.solve, requestOf(call, ids), both);
      await watched;
      await tagCaches(call, answer.exporterResponse);
      return answer.exporterResponse;
    });
  }

  /**
   * Builds nothing, but asks about the Dockerfile: `frontend.lint`, `frontend.outline`, `frontend.targets`. Throws as `run`.
   */
  async ask(request: string, call: BuildCall, signal: AbortSignal): Promise<DockerfileAnswer> {
    return await this.withSession(call, signal, async (client, ids, both) => {
      const watched = watch(client, ids.reference, call, both);
      const options = new Map([...optionsOf(call), ["requestid", request]]);
      const head = { [buildHeader]: ids.reference };
      const drive = async (): Promise<ReadonlyMap<string, Buffer>> => {
        const { result } = await client.call(bridge.solve, { frontend, options }, both, head);
        await client.call(bridge.return, { result: {} }, both, head);
        return result?.metadata ?? new Map();
      };
      /* The request stays open while this client drives its build over the gateway. */
      const [metadata] = await Promise.all([drive(), client.call(control.solve, ids, both)]);
      await watched;
      const text = (name: string): string => metadata.get(name)?.toString("utf8") ?? "";
      return {
        text: text("result.txt"),
        json: text("result.json"),
        isFaulty: !["", "0"].includes(text("result.statuscode")),
      };
    });
  }

  private async withSession<T>(
    call: BuildCall,
    signal: AbortSignal,
    work: (client: GrpcClient, ids: BuildIds, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const end = new AbortController();
    const both = AbortSignal.any([signal, end.signal]);
    const session = newName();
    const reference = newName();
    const client = await GrpcClient.over(await this.upgrade("/grpc", {}, both));
    const served = this.serveSession(session, call, both);
    try {
      return await work(client, { session, reference }, both);
    } catch (error) {
      signal.throwIfAborted();
      if (client.isClosed && !(error instanceof StatusError)) throw connectionLost();
      throw buildFailed(error);
    } finally {
      end.abort(canceled("the build has ended"));
      client.close();
      await served;
    }
  }

  /** Answers what the build asks for, until it has ended. */
  private async serveSession(id: string, call: BuildCall, signal: AbortSignal): Promise<void> {
    const methods = sessionMethods(sharedOf(call));
    const key = createHash("sha256").update(`${hostname()}\0${call.place}`).digest("hex");
    const head = {
      "X-Docker-Expose-Session-Uuid": id,
      "X-Docker-Expose-Session-Name": "duet",
      "X-Docker-Expose-Session-Sharedkey": key,
      "X-Docker-Expose-Session-Grpc-Method": methods.map(({ path }) => path).join(", "),
    };
    try {
      const socket = await this.upgrade("/session", head, signal);
      const byPath = new Map(methods.map((one) => [one.path, one]));
      await serveGrpc(socket, byPath, silentLog, signal);
    } catch {
      /* A build without its session ends with an error of its own. */
    }
  }

  private async upgrade(
    path: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Duplex> {
    const { socket } = await this.transport.upgrade(
      { method: "POST", path, headers, signal },
      "h2c",
    );
    return socket;
  }
}

/** 25 characters of base 36, as BuildKit's clients name builds. */
function newName(): string {
  const number = BigInt(`0x${randomBytes(17).toString("hex")}`);
  return number.toString(36).padStart(25, "0").slice(-25);
}

/** With the folders of caches. */
function sharedOf({ shared, cacheFrom, cacheTo }: BuildCall): SharedWithBuild {
  const folders = (caches: readonly BuildCache[], name: "src" | "dest", writable: boolean) =>
    localCaches(caches, name).map(([path]) => [`local:${path}`, { path, writable }] as const);
  const caches = [...folders(cacheFrom, "src", false), ...folders(cacheTo, "dest", true)];
  return { ...shared, layouts: new Map([...shared.layouts, ...caches]) };
}

function localCaches(
  caches: readonly BuildCache[],
  name: "src" | "dest",
): readonly (readonly [string, BuildCache])[] {
  return caches.flatMap((cache) => {
    const path = cache.type === "local" ? cache.attributes.get(name) : undefined;
    return path === undefined ? [] : [[path, cache] as const];
  });
}

/** A cache that was written is found by its tag. */
async function tagCaches(call: BuildCall, answer: BuildAnswer): Promise<void> {
  const manifest = answer.get("cache.manifest");
  if (manifest === undefined) return;
  for (const [folder, { attributes }] of localCaches(call.cacheTo, "dest")) {
    await tagInLayout(folder, manifest, attributes.get("tag") ?? "latest");
  }
}

const frontend = "dockerfile.v0";

function requestOf(call: BuildCall, ids: BuildIds): Sparse<SolveRequest> {
  const { entitlements, exporters, cacheTo } = call;
  const cache = { exports: cacheTo };
  return { ...ids, frontend, frontendAttributes: optionsOf(call), entitlements, exporters, cache };
}

/** Of the front end. */
function optionsOf({ options, cacheFrom }: BuildCall): ReadonlyMap<string, string> {
  if (cacheFrom.length === 0) return options;
  const imports = cacheFrom.map(({ type, attributes }) => ({
    Type: type,
    Attrs: Object.fromEntries(attributes),
  }));
  return new Map([...options, ["cache-imports", JSON.stringify(imports)]]);
}

async function watch(
  client: GrpcClient,
  reference: string,
  call: BuildCall,
  signal: AbortSignal,
): Promise<void> {
  try {
    const status = client.open(control.status, {}, signal);
    await status.send({ reference });
    status.end();
    for await (const progress of status.responses) call.onProgress(progress);
  } catch {
    /* The build's own failure says more than that of its progress. */
  }
}
