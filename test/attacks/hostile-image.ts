import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { RunResult } from "../../src/kit/subprocess.ts";
import type { TestDaemon } from "../e2e/daemon.ts";
import { archiveOf, type Sample } from "../kit/tar/samples.ts";

/** An image in which anything may be wrong; what is not said is as a well-made image has it. */
export interface HostileImage {
  readonly name: string;
  /** The `config` of the image's configuration: Cmd, Env, Volumes, ... */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Members or bytes of layers over one that holds a busybox. */
  readonly layers?: readonly (readonly Sample[] | Buffer)[];
  /** false leaves the layer with the busybox out. */
  readonly busybox?: boolean;
  /** The text of the whole configuration, given what it would be. */
  readonly configText?: (text: string) => string;
  /** Layers are stored compressed. */
  readonly gzip?: boolean;
}

const applets = ["sh", "cat", "id", "ls", "stat", "sleep", "mkdir", "touch", "mount", "readlink"];
const moreApplets = [
  "wc",
  "head",
  "grep",
  "env",
  "echo",
  "pwd",
  "unshare",
  "mkfifo",
  "test",
  "dd",
  "true",
  "rm",
];

/** A layer with a static busybox and the programs that these tests use. */
export const busyboxLayer: Buffer = archiveOf([
  { kind: "directory", name: "bin" },
  { kind: "file", name: "bin/busybox", mode: 0o755, data: readFileSync("/bin/busybox") },
  ...[...applets, ...moreApplets].map((name): Sample => {
    return { kind: "symlink", name: `bin/${name}`, linkName: "busybox", mode: 0o777 };
  }),
]);

function digest(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The bytes of an archive as `docker save` writes them, hostile where `image` says so. */
export function hostileArchive(image: HostileImage): Buffer {
  const own = (image.layers ?? []).map((layer) =>
    Buffer.isBuffer(layer) ? layer : archiveOf(layer),
  );
  const layers = image.busybox === false ? own : [busyboxLayer, ...own];
  const plain = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/bin/sh"], Env: ["PATH=/bin"], ...image.config },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${digest(layer)}`) },
  });
  const config = image.configText?.(plain) ?? plain;
  const stored = layers.map((layer) => (image.gzip === true ? gzipSync(layer) : layer));
  const names = stored.map((_, index) => `${index}/layer.tar`);
  const manifest = [{ Config: `${digest(config)}.json`, RepoTags: [image.name], Layers: names }];
  return archiveOf([
    ...stored.map((data, index): Sample => ({ kind: "file", name: names[index] ?? "", data })),
    { kind: "file", name: `${digest(config)}.json`, data: config },
    { kind: "file", name: "manifest.json", data: JSON.stringify(manifest) },
  ]);
}

/** What `docker load` says to an archive of these bytes. */
export async function loadBytes(daemon: TestDaemon, bytes: Buffer): Promise<RunResult> {
  const path = join(daemon.folder, "hostile.tar");
  await writeFile(path, bytes);
  try {
    return await daemon.tryDocker(["load", "-q", "-i", path]);
  } finally {
    await rm(path);
  }
}

/** Loads an image that is to be run; throws where the load fails. */
export async function loadHostile(daemon: TestDaemon, image: HostileImage): Promise<void> {
  const loaded = await loadBytes(daemon, hostileArchive(image));
  if (loaded.code !== 0) throw new Error(`${image.name} was not loaded: ${loaded.stderr}`);
}

/** Resolves when a container has printed `text`. */
export async function printed(daemon: TestDaemon, id: string, text: string): Promise<void> {
  const path = `/containers/${id}/logs?follow=1&stdout=1&stderr=1`;
  const signal = AbortSignal.timeout(180_000);
  const asked = request({ socketPath: daemon.socket, path, signal });
  const answered = once(asked, "response");
  asked.end();
  const [logs] = (await answered) as [IncomingMessage];
  let seen = "";
  for await (const piece of logs) {
    seen += String(piece);
    if (seen.includes(text)) return;
  }
  throw new Error(`${id} ended before it printed ${text}: ${seen}`);
}

/** The status that the archive route answers to a tar that no docker client would make. */
export async function putArchive(
  daemon: TestDaemon,
  id: string,
  tar: Buffer,
  folder = "/",
): Promise<number> {
  const path = `/containers/${id}/archive?path=${encodeURIComponent(folder)}`;
  const asked = request({ socketPath: daemon.socket, method: "PUT", path });
  const answered = once(asked, "response");
  asked.end(tar);
  const [response] = (await answered) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}
