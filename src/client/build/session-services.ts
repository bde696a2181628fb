import { readFile, stat } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import type { Sparse } from "../../kit/grpc/encode.ts";
import { twoWay, unary, type Call, type Served } from "../../kit/grpc/server.ts";
import { codes, StatusError } from "../../kit/grpc/status.ts";
import { write } from "../../kit/grpc/write.ts";
import { fileSendBytes, fileSync } from "../../spec/buildkit/file-sync.ts";
import { checkAgent, credentials, forwardAgent, getSecret } from "../../spec/buildkit/session.ts";
import { findCredentials, registryKey } from "../credentials.ts";
import { sendFolder, type SharedFolder } from "./file-sync.ts";
import { contentMethods, type LayoutFolder } from "./layout-content.ts";

/** A secret of a build: a file of this host, or a value such as that of a variable. */
export type BuildSecret = { readonly file: string } | { readonly value: string };

/** What a build may ask of this client while it runs. */
export interface SharedWithBuild {
  /** By the names that the build knows them by. */
  readonly folders: ReadonlyMap<string, SharedFolder>;
  readonly secrets: ReadonlyMap<string, BuildSecret>;
  /** Sockets of ssh agents by id. */
  readonly agents: ReadonlyMap<string, string>;
  /** Folders with OCI layouts, by the names of content stores (`oci:NAME`). */
  readonly layouts: ReadonlyMap<string, LayoutFolder>;
  /** What takes the bytes of a result, such as a tar, by the place of its exporter among the build's. */
  readonly receivers: ReadonlyMap<number, (content: AsyncIterable<Buffer>) => Promise<void>>;
}

/** BuildKit's own limit. */
const largestSecret = 500 << 10;

/** The methods of BuildKit's session that answer with what is shared. */
export function sessionMethods(shared: SharedWithBuild): readonly Served[] {
  const { receivers, agents, layouts } = shared;
  return [
    twoWay(fileSync, (requests, call) => sendFolder(shared.folders, requests, call)),
    unary(credentials, async ({ host }, { signal }) => await credentialsOf(host, signal)),
    unary(getSecret, async ({ id }) => ({ data: await secretOf(shared, id) })),
    ...(layouts.size === 0 ? [] : contentMethods(layouts)),
    ...(agents.size === 0
      ? []
      : [
          unary(checkAgent, ({ id }) => {
            agentOf(agents, id);
            return {};
          }),
          twoWay(forwardAgent, (requests, call) => forward(agents, requests, call)),
        ]),
    ...(receivers.size === 0
      ? []
      : [
          twoWay(fileSendBytes, async function* (requests, call) {
            const place = call.header("buildkit-attachable-exporter-id");
            const receive = receivers.get(Number(place));
            if (receive === undefined) throw new StatusError(codes.notFound, `no output ${place}`);
            await receive(dataOf(requests));
            yield* [];
          }),
        ]),
  ];
}

async function credentialsOf(
  host: string,
  signal: AbortSignal,
): Promise<{ readonly username: string; readonly secret: string }> {
  const found = await findCredentials(registryKey(host), { signal });
  if (found?.identitytoken !== undefined) return { username: "", secret: found.identitytoken };
  return { username: found?.username ?? "", secret: found?.password ?? "" };
}

async function secretOf({ secrets }: SharedWithBuild, id: string): Promise<Buffer> {
  const secret = secrets.get(id);
  if (secret === undefined) throw new StatusError(codes.notFound, `secret ${id} not found`);
  if ("value" in secret) return Buffer.from(secret.value);
  const { size } = await stat(secret.file);
  if (size > largestSecret) {
    throw new StatusError(codes.unknown, `secret ${id} is over ${largestSecret} bytes`);
  }
  return await readFile(secret.file);
}

function agentOf(agents: ReadonlyMap<string, string>, id: string): string {
  const path = agents.get(id === "" ? "default" : id);
  if (path !== undefined) return path;
  throw new StatusError(codes.unknown, `unset ssh forward key ${id}`);
}

async function* forward(
  agents: ReadonlyMap<string, string>,
  requests: AsyncIterable<{ readonly data: Buffer }>,
  call: Call,
): AsyncGenerator<Sparse<{ readonly data: Buffer }>, void, undefined> {
  const id = call.header("buildkit.ssh.id");
  const socket = connect({ path: agentOf(agents, id), allowHalfOpen: true });
  socket.on("error", () => undefined);
  const leave = (): void => void socket.destroy();
  call.signal.addEventListener("abort", leave, { once: true });
  const upward = feed(socket, requests);
  upward.catch(leave);
  try {
    for await (const data of socket.iterator({ destroyOnReturn: false })) {
      yield { data: data as Buffer };
    }
  } finally {
    call.signal.removeEventListener("abort", leave);
    socket.destroy();
  }
}

async function feed(
  socket: Socket,
  requests: AsyncIterable<{ readonly data: Buffer }>,
): Promise<void> {
  for await (const { data } of requests) await write(socket, data);
  socket.end();
}

async function* dataOf(
  requests: AsyncIterable<{ readonly data: Buffer }>,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const { data } of requests) yield Buffer.from(data);
}
