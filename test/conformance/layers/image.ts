import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { archiveOf, type Sample } from "../../kit/tar/samples.ts";
import type { ImageCase, Layer } from "./member.ts";
import { compressed, tarOf } from "./pack.ts";

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly bytes: Buffer;
}

/** An image as registries and archives have it. */
export interface PackedImage {
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly Blob[];
}

const dockerType = (name: string): string => `application/vnd.docker.${name}`;
const ociType = (name: string): string => `application/vnd.oci.image.${name}`;

function blob(mediaType: string, bytes: Buffer): Blob {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length, bytes };
}

function layerType({ compression }: Layer, isDocker: boolean): string {
  if (isDocker) return dockerType("image.rootfs.diff.tar.gzip");
  if (compression.startsWith("gzip")) return ociType("layer.v1.tar+gzip");
  return ociType(compression.startsWith("zstd") ? "layer.v1.tar+zstd" : "layer.v1.tar");
}

export async function packImage({ layers, way }: ImageCase): Promise<PackedImage> {
  const isDocker = way === "pull-docker";
  const blobs: Blob[] = [];
  const diffIds: string[] = [];
  for (const layer of layers) {
    const tar = tarOf(layer);
    diffIds.push(blob("", tar).digest);
    blobs.push(blob(layerType(layer, isDocker), await compressed(tar, layer.compression)));
  }
  const configuration = {
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    os: "linux",
    config: { Cmd: ["/true"] },
    rootfs: { type: "layers", diff_ids: diffIds },
  };
  const configType = isDocker ? dockerType("container.image.v1+json") : ociType("config.v1+json");
  const config = blob(configType, json(configuration));
  const mediaType = isDocker
    ? dockerType("distribution.manifest.v2+json")
    : ociType("manifest.v1+json");
  const bare = ({ mediaType: type, digest, size }: Blob): object => ({
    mediaType: type,
    digest,
    size,
  });
  const manifest = blob(
    mediaType,
    json({ schemaVersion: 2, mediaType, config: bare(config), layers: blobs.map(bare) }),
  );
  return { manifest, config, layers: blobs };
}

/** An archive for `docker load`: Docker's own form, or an OCI layout with Docker's list beside it. */
export function imageArchive(image: PackedImage, name: string, both: boolean): Buffer {
  const hex = ({ digest }: Blob): string => digest.slice("sha256:".length);
  const path = (part: Blob): string => `blobs/sha256/${hex(part)}`;
  const files = new Map<string, Buffer>();
  const layers = image.layers.map((layer) => (both ? path(layer) : `${hex(layer)}/layer.tar`));
  const config = both ? path(image.config) : `${hex(image.config)}.json`;
  image.layers.forEach((layer, index) => files.set(layers[index]!, layer.bytes));
  files.set(config, image.config.bytes);
  if (both) {
    const { mediaType, digest, size } = image.manifest;
    const annotations = { "io.containerd.image.name": `docker.io/library/${name}` };
    files.set(path(image.manifest), image.manifest.bytes);
    files.set("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
    const manifests = [{ mediaType, digest, size, annotations }];
    files.set("index.json", json({ schemaVersion: 2, manifests }));
  }
  files.set("manifest.json", json([{ Config: config, RepoTags: [name], Layers: layers }]));
  const samples: Sample[] = [...files].map(([file, data]) => ({ kind: "file", name: file, data }));
  return archiveOf(samples);
}

/** Puts it where a registry with this storage serves it as `name:1` (Distribution's storage/paths.go). */
export async function putIntoStorage(
  storage: string,
  name: string,
  image: PackedImage,
): Promise<void> {
  const root = join(storage, "data/docker/registry/v2");
  const hex = ({ digest }: Blob): string => digest.slice("sha256:".length);
  const put = async (path: string, bytes: Buffer | string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), bytes);
  };
  for (const part of [...image.layers, image.config, image.manifest]) {
    await put(`blobs/sha256/${hex(part).slice(0, 2)}/${hex(part)}/data`, part.bytes);
    await put(`repositories/${name}/_layers/sha256/${hex(part)}/link`, part.digest);
  }
  const { manifest } = image;
  for (const folder of ["revisions", "tags/1/index"])
    await put(
      `repositories/${name}/_manifests/${folder}/sha256/${hex(manifest)}/link`,
      manifest.digest,
    );
  await put(`repositories/${name}/_manifests/tags/1/current/link`, manifest.digest);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
