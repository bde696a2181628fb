import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { ImageConfig } from "../recipe.ts";
import { tarEnd, writeTar, type TarMember } from "../../src/kit/tar/writer.ts";
import type { FileTree } from "./tree.ts";

export interface LayoutInput {
  /** Such as `nginx:latest`. */
  readonly reference: string;
  readonly config: ImageConfig;
  readonly layers: readonly { readonly tree: FileTree; readonly comment: string }[];
  /** Seconds since the epoch that every file and the image bear. */
  readonly date: number;
}

interface Blob {
  readonly digest: string;
  readonly content: Buffer;
}

/** OCI's word for the processor, as Go has it. */
export const architecture: string = process.arch === "x64" ? "amd64" : process.arch;

/**
 * One tar that is an OCI layout (OCI image spec, image-layout.md) and has Docker's manifest.json too,
 * so that `docker load`, `skopeo` and Duet all read it. The same input gives the same bytes.
 */
export async function layoutTar(input: LayoutInput): Promise<Buffer> {
  const layers = await Promise.all(input.layers.map((layer) => layerOf(layer.tree, input.date)));
  const config = blob(jsonOf(configOf(input, layers)));
  const manifest = blob(
    jsonOf({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: describe("application/vnd.oci.image.config.v1+json", config),
      layers: layers.map(({ packed }) =>
        describe("application/vnd.oci.image.layer.v1.tar+gzip", packed),
      ),
    }),
  );
  const blobs = [config, manifest, ...layers.map(({ packed }) => packed)];
  const files: [path: string, content: Buffer][] = [
    ["oci-layout", jsonOf({ imageLayoutVersion: "1.0.0" })],
    ["index.json", jsonOf(indexOf(input.reference, manifest))],
    ["manifest.json", jsonOf(dockerManifest(input.reference, config, layers))],
    ...blobs.map((one): [string, Buffer] => [pathOf(one), one.content]),
  ];
  return collect(fileMembers(files, input.date));
}

async function layerOf(tree: FileTree, date: number): Promise<{ packed: Blob; diffId: string }> {
  const tar = await collect(tree.members(date));
  return { packed: blob(gzipSync(tar, { level: 6 })), diffId: digestOf(tar) };
}

function configOf(
  input: LayoutInput,
  layers: readonly { readonly diffId: string }[],
): Record<string, unknown> {
  const created = new Date(input.date * 1000).toISOString();
  return {
    created,
    architecture,
    os: "linux",
    config: input.config,
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: input.layers.map(({ comment }) => ({ created, created_by: comment })),
  };
}

function indexOf(reference: string, manifest: Blob): Record<string, unknown> {
  const [, tag = "latest"] = reference.split(":");
  const descriptor = {
    ...describe("application/vnd.oci.image.manifest.v1+json", manifest),
    platform: { architecture, os: "linux" },
    annotations: {
      "io.containerd.image.name": `docker.io/library/${reference}`,
      "org.opencontainers.image.ref.name": tag,
    },
  };
  return {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [descriptor],
  };
}

function dockerManifest(
  reference: string,
  config: Blob,
  layers: readonly { readonly packed: Blob }[],
): unknown {
  const Layers = layers.map(({ packed }) => pathOf(packed));
  return [{ Config: pathOf(config), RepoTags: [reference], Layers }];
}

function describe(mediaType: string, one: Blob): Record<string, unknown> {
  return { mediaType, digest: one.digest, size: one.content.length };
}

function pathOf(one: Blob): string {
  return `blobs/${one.digest.replace(":", "/")}`;
}

function* fileMembers(
  files: readonly (readonly [path: string, content: Buffer])[],
  date: number,
): Generator<TarMember, void, void> {
  const sorted = files.toSorted(([left], [right]) => (left < right ? -1 : 1));
  for (const path of ["blobs", "blobs/sha256"]) {
    yield {
      header: { kind: "directory", name: Buffer.from(path), mode: 0o755, modifiedSeconds: date },
    };
  }
  for (const [path, content] of sorted) {
    const name = Buffer.from(path);
    const header = {
      kind: "file",
      name,
      mode: 0o644,
      size: content.length,
      modifiedSeconds: date,
    } as const;
    yield { header, content };
  }
}

async function collect(members: Iterable<TarMember>): Promise<Buffer> {
  const parts = await Array.fromAsync(writeTar(members));
  return Buffer.concat(parts.length === 0 ? [tarEnd] : parts);
}

function blob(content: Buffer): Blob {
  return { digest: digestOf(content), content };
}

function digestOf(content: Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
