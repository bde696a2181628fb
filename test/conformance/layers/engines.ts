import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { serveRegistry } from "../../../bench/registry.ts";

import type { Scope } from "../../../src/kit/scope.ts";
import { sha256 } from "../../suites/layers.ts";
import { containersOnly, TestDaemon } from "../../e2e/daemon.ts";
import { startDocker } from "../differential/engines.ts";
import { machineDaemon } from "../differential/machines.ts";
import { ask, type Answer } from "../differential/exchange.ts";
import { imageArchive, putIntoStorage, type PackedImage } from "./image.ts";
import type { ImageCase } from "./member.ts";
import { layersOfDocker, layersOfDuet, type GraphDriver, type Tree, type Walker } from "./trees.ts";

/** An engine that takes images and shows what it made of them. */
export interface Unpacker {
  readonly name: string;
  readonly socket: string;
  /** Absolute folders of an image's layers, the topmost first. */
  layers(inspect: Inspected): Promise<string[]>;
}

export interface Inspected {
  readonly Id: string;
  readonly RootFS: { readonly Layers: readonly string[] };
  readonly GraphDriver: GraphDriver;
}

/** Both engines, and a storage that registries serve to each on its own loopback. */
export interface Players {
  readonly docker: Unpacker;
  readonly duet: Unpacker;
  readonly daemon: TestDaemon;
  readonly storage: string;
  readonly registry: string;
}

/**
 * Starts a dockerd whose packages are in `root` ("" for the installed one), and Duet, which makes VMs of all containers
 * where `isVm`; ended by `scope`.
 */
export async function startPlayers(
  root: string,
  isVm: boolean,
  scope: Scope,
  signal: AbortSignal,
): Promise<Players> {
  const folder = await mkdtemp("/tmp/duet-layers-");
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const docker = await startDocker(root, join(folder, "docker"), scope, signal);
  const daemon = await TestDaemon.start(
    { after: (undo) => scope.defer(undo as () => Promise<void>) },
    isVm ? machineDaemon : { flags: containersOnly },
  );
  const storage = join(folder, "storage");
  await mkdir(storage);
  let registry = "";
  const pids = [join(folder, "docker/docker.pid"), join(daemon.folder, "run/duetd.pid")];
  for (const file of pids) {
    const served = await serveRegistry(storage, Number(await readFile(file, "utf8")), signal);
    scope.defer(async () => await served[Symbol.asyncDispose]());
    registry = served.host;
  }
  return {
    docker: {
      name: docker.name,
      socket: docker.socket,
      layers: async ({ GraphDriver }) => layersOfDocker(GraphDriver),
    },
    duet: {
      name: "duet",
      socket: daemon.socket,
      layers: ({ RootFS }) => layersOfDuet(join(daemon.folder, "data"), chainOf(RootFS.Layers)),
    },
    daemon,
    storage,
    registry,
  };
}

/** What an engine made of an image: its tree, or what it said. */
export type Outcome = { readonly tree: Tree; readonly id: string } | { readonly failure: string };

/** Gives an image to both in the case's way, and looks at what they made of it. */
export async function unpackedByBoth(
  players: Players,
  walker: Walker,
  { way }: ImageCase,
  image: PackedImage,
): Promise<{ readonly docker: Outcome; readonly duet: Outcome }> {
  const hex = image.manifest.digest.slice("sha256:".length, "sha256:".length + 16);
  const isPulled = way === "pull-oci" || way === "pull-docker";
  if (isPulled) await putIntoStorage(players.storage, `fuzz/${hex}`, image);
  const name = isPulled ? `${players.registry}/fuzz/${hex}:1` : `fuzz-${hex}:1`;
  const archive = isPulled ? undefined : imageArchive(image, name, way === "both");
  const take = async (engine: Unpacker): Promise<Outcome> => {
    const failure = await deliver(engine, name, archive);
    if (failure !== undefined) return { failure };
    return await treeOf(engine, walker, name);
  };
  const [docker, duet] = await Promise.allSettled([take(players.docker), take(players.duet)]);
  for (const engine of [players.docker, players.duet])
    await call(engine, "DELETE", `/images/${name}?force=1`);
  if (isPulled)
    await rm(join(players.storage, "data/docker/registry/v2"), { recursive: true, force: true });
  if (docker.status === "rejected") throw docker.reason;
  if (duet.status === "rejected") throw duet.reason;
  return { docker: docker.value, duet: duet.value };
}

/** undefined where it came; else what the engine said. */
async function deliver(
  engine: Unpacker,
  name: string,
  archive: Buffer | undefined,
): Promise<string | undefined> {
  const at = name.lastIndexOf(":");
  const source = `fromImage=${name.slice(0, at)}&tag=${name.slice(at + 1)}`;
  const { status, body } =
    archive === undefined
      ? await call(engine, "POST", `/images/create?${source}`)
      : await call(engine, "POST", "/images/load?quiet=1", archive);
  const text = body.toString();
  return status === 200 ? failureIn(text) : text.trim();
}

/** What a stream of progress says went wrong. */
export function failureIn(text: string): string | undefined {
  return /"error":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
}

/** The body of an answer; throws where it is a failure. */
export async function asked(
  engine: Unpacker,
  method: string,
  path: string,
  body?: Buffer | object,
): Promise<Buffer> {
  const answer = await call(engine, method, path, body);
  if (answer.status < 300) return answer.body;
  throw new Error(`${engine.name}: ${method} ${path}: ${answer.body.toString()}`);
}

export async function call(
  { socket }: Unpacker,
  method: string,
  path: string,
  body?: Buffer | object,
): Promise<Answer> {
  const isTar = Buffer.isBuffer(body);
  const bytes = body === undefined || isTar ? body : Buffer.from(JSON.stringify(body));
  const headers = {
    ...(body === undefined
      ? {}
      : { "Content-Type": isTar ? "application/x-tar" : "application/json" }),
    // Nobody's: pushes want to have the header.
    "X-Registry-Auth": "e30=",
  };
  const question = {
    socket,
    method,
    path,
    headers,
    ...(bytes === undefined ? {} : { body: bytes }),
  };
  const answer = await ask(question).answer;
  if (answer.status === 0) throw new Error(`${socket}: ${method} ${path}: ${answer.broken}`);
  return answer;
}

/** The tree of an image that an engine has. */
export async function treeOf(
  engine: Unpacker,
  walker: Walker,
  name: string,
): Promise<{ readonly tree: Tree; readonly id: string }> {
  const bytes = await asked(engine, "GET", `/images/${name}/json`);
  const inspected = JSON.parse(bytes.toString()) as Inspected;
  return { id: inspected.Id, tree: await walker.look(await engine.layers(inspected)) };
}

function chainOf(diffIds: readonly string[]): string {
  return diffIds.reduce(
    (below, diffId) => (below === "" ? diffId : sha256(`${below} ${diffId}`)),
    "",
  );
}
