import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { run } from "../src/kit/subprocess.ts";
import { writeTar, type TarMember } from "../src/kit/tar/writer.ts";
import { endProcess, NamespaceHolder } from "./engines/daemon.ts";

const compress = promisify(gzip);
const fileBytes = 50_000;
/** Words that files are made of: text of this kind compresses about as programs do. */
const words = Array.from({ length: 4_096 }, (_, index) =>
  createHash("sha256")
    .update(String(index))
    .digest("base64")
    .slice(0, 4 + (index % 9)),
);

export interface ImageShape {
  readonly layers: number;
  /** Files of 50 kB in each layer. */
  readonly files: number;
}

/** Name of the image in a registry that `fillRegistry` filled. */
export const pulledImage = "bench:latest";

/** Makes an image in a registry's storage folder, put there by the registry itself. */
export async function fillRegistry(
  folder: string,
  shape: ImageShape,
  signal: AbortSignal,
): Promise<void> {
  const layout = join(folder, "layout");
  await writeLayout(layout, shape);
  await using holder = await NamespaceHolder.start(signal);
  await using registry = await serveRegistry(folder, holder.pid, signal);
  await run(
    "nsenter",
    [
      `--net=/proc/${holder.pid}/ns/net`,
      "skopeo",
      "--insecure-policy",
      "copy",
      "--quiet",
      "--dest-tls-verify=false",
      `oci:${layout}`,
      `docker://${registry.host}/${pulledImage}`,
    ],
    { signal },
  );
}

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly host: string;
}

/** Serves `folder` on loopback of the network namespace of `pid`. */
export async function serveRegistry(
  folder: string,
  pid: number,
  signal: AbortSignal,
  port = 5_000,
): Promise<Registry> {
  const host = `127.0.0.1:${port}`;
  const config = join(folder, "registry.json");
  await writeFile(
    config,
    JSON.stringify({
      version: "0.1",
      log: { level: "info" },
      storage: { filesystem: { rootdirectory: join(folder, "data") } },
      http: { addr: host, secret: "bench" },
    }),
  );
  const child = spawn(
    "nsenter",
    [`--net=/proc/${pid}/ns/net`, "docker-registry", "serve", config],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const stop = async (): Promise<void> => await endProcess(child);
  try {
    for await (const line of createInterface({ input: child.stderr, signal })) {
      if (!line.includes("listening on")) continue;
      child.stderr.resume();
      return { host, [Symbol.asyncDispose]: stop };
    }
  } catch (error) {
    await stop();
    throw error;
  }
  throw new Error("docker-registry ended before it listened");
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** An OCI layout (image-layout.md of the image specification). */
async function writeLayout(folder: string, shape: ImageShape): Promise<void> {
  await mkdir(join(folder, "blobs/sha256"), { recursive: true });
  const put = async (mediaType: string, bytes: Buffer): Promise<Blob> => {
    const hash = sha256(bytes);
    await writeFile(join(folder, "blobs/sha256", hash), bytes);
    return { mediaType, digest: `sha256:${hash}`, size: bytes.length };
  };
  const kind = (name: string): string => `application/vnd.oci.image.${name}`;
  const layers: Blob[] = [];
  const diffIds: string[] = [];
  for (let index = 0; index < shape.layers; index += 1) {
    const tar = await layerTar(index, shape.files);
    diffIds.push(`sha256:${sha256(tar)}`);
    layers.push(await put(kind("layer.v1.tar+gzip"), await compress(tar, { level: 6 })));
  }
  const configuration = {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["true"] },
    rootfs: { type: "layers", diff_ids: diffIds },
  };
  const config = await put(kind("config.v1+json"), json(configuration));
  const manifestType = kind("manifest.v1+json");
  const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers };
  const manifests = [await put(manifestType, json(manifest))];
  await writeFile(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  await writeFile(join(folder, "index.json"), json({ schemaVersion: 2, manifests }));
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function layerTar(layer: number, files: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of writeTar(layerMembers(layer, files))) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

function* layerMembers(layer: number, files: number): Generator<TarMember> {
  const directory = `usr/share/layer-${layer}`;
  for (const name of ["usr", "usr/share", directory]) {
    yield { header: { kind: "directory", name: Buffer.from(name), mode: 0o755 } };
  }
  for (let file = 0; file < files; file += 1) {
    const content = fileContent(layer * files + file);
    const name = Buffer.from(`${directory}/file-${file}`);
    yield { header: { kind: "file", name, mode: 0o644, size: content.length }, content };
  }
}

/** The same bytes for the same seed, so that every run pulls the same image. */
function fileContent(seed: number): Buffer {
  let state = seed + 1;
  const parts: string[] = [];
  for (let size = 0; size < fileBytes;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const word = words[(state >>> 16) % words.length] ?? "";
    parts.push(word);
    size += word.length + 1;
  }
  return Buffer.from(parts.join(" ").slice(0, fileBytes));
}
