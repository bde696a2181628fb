import { createHash, randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import { canceled } from "../../kit/abort.ts";
import { GrpcClient } from "../../kit/grpc/client.ts";
import type { Sparse } from "../../kit/grpc/encode.ts";
import { serveGrpc } from "../../kit/grpc/server.ts";
import { StatusError } from "../../kit/grpc/status.ts";
import { silentLog } from "../../kit/log.ts";
import { control, type SolveRequest, type statusResponse } from "../../spec/buildkit/control.ts";
import type { ValueOfMessage } from "../../spec/protobuf.ts";
import { connectionLost } from "../byte-reader.ts";
import type { Transport } from "../transport.ts";
import { buildFailed } from "./failure.ts";
import { sessionMethods, type SharedWithBuild } from "./session-services.ts";

/** A message of BuildKit's status stream: steps, how far they are, what they print, warnings. */
export type BuildProgress = ValueOfMessage<typeof statusResponse>;

/** What is built: options of BuildKit's front end for Dockerfiles, and where results go. */
export interface BuildCall {
  /** Of the front end `dockerfile.v0`: `filename`, `target`, `build-arg:NAME`, `platform`, ... */
  readonly options: ReadonlyMap<string, string>;
  readonly exporters: readonly {
    readonly type: string;
    readonly attributes: ReadonlyMap<string, string>;
  }[];
  readonly cacheFrom: readonly string[];
  readonly entitlements: readonly string[];
  /** What tells this client's folders from others', so that only changes are sent again; such as a path. */
  readonly place: string;
  readonly shared: SharedWithBuild;
  /** Hears everything that the build tells; must not throw. */
  readonly onProgress: (progress: BuildProgress) => void;
}

/** What the build gave: `containerimage.config.digest` (the image's id), `containerimage.digest`, `image.name`, ... */
export type BuildAnswer = ReadonlyMap<string, string>;

/** Builds from Dockerfiles, by BuildKit's interface on the daemon's socket. */
export class Builds {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** Throws BuildFailure where the build itself fails, which tells where in the Dockerfile. */
  async run(call: BuildCall, signal: AbortSignal): Promise<BuildAnswer> {
    const end = new AbortController();
    const both = AbortSignal.any([signal, end.signal]);
    const session = randomUUID().replaceAll("-", "");
    const reference = randomUUID().replaceAll("-", "");
    const client = await GrpcClient.over(await this.upgrade("/grpc", {}, both));
    const served = this.serveSession(session, call, both);
    try {
      const watched = watch(client, reference, call, both);
      const answer = await client.call(control.solve, requestOf(call, session, reference), both);
      await watched;
      return answer.exporterResponse;
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
    const methods = sessionMethods(call.shared);
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

function requestOf(call: BuildCall, session: string, reference: string): Sparse<SolveRequest> {
  const imports = call.cacheFrom.map((ref) => ({ Type: "registry", Attrs: { ref } }));
  return {
    reference,
    session,
    frontend: "dockerfile.v0",
    frontendAttributes: new Map([
      ...call.options,
      ...(imports.length === 0 ? [] : [["cache-imports", JSON.stringify(imports)] as const]),
    ]),
    entitlements: call.entitlements,
    exporters: call.exporters,
  };
}

async function watch(
  client: GrpcClient,
  reference: string,
  call: BuildCall,
  signal: AbortSignal,
): Promise<void> {
  const status = client.open(control.status, {}, signal);
  try {
    await status.send({ reference });
    status.end();
    for await (const progress of status.responses) call.onProgress(progress);
  } catch {
    /* The build's own failure says more than that of its progress. */
  } finally {
    status.cancel();
  }
}
