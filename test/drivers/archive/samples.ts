import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import type { ImageArchive } from "../../../src/domain/archive.ts";
import type { ContentStore } from "../../../src/domain/content.ts";
import { createImageArchive } from "../../../src/drivers/archive/archive.ts";
import { openContentStore } from "../../../src/drivers/content/content.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { writeTar, type TarMember } from "../../../src/kit/tar/writer.ts";

export const signal = AbortSignal.timeout(500_000);

export function hex(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

export interface Fixture {
  readonly folder: string;
  readonly content: ContentStore;
  readonly archive: ImageArchive;
}

/** An archive reader over a content store of its own, gone with the test. */
export async function fixture(context: TestContext): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), "duet-archive-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const content = await openContentStore(join(folder, "content"), silentLog);
  return { folder, content, archive: createImageArchive({ content, log: silentLog }) };
}

export async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function* stream(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

export function file(name: string, content: Buffer | string): TarMember {
  const bytes = Buffer.from(content);
  return {
    header: { kind: "file", name: Buffer.from(name), mode: 0o644, size: bytes.length },
    content: bytes,
  };
}

export function link(
  name: string,
  target: string,
  kind: "symlink" | "hardlink" = "symlink",
): TarMember {
  return { header: { kind, name: Buffer.from(name), linkName: Buffer.from(target), mode: 0o777 } };
}

export async function tar(...members: TarMember[]): Promise<Buffer> {
  return await collect(writeTar(members));
}

/** The tar of a layer that holds one file. */
export async function layerTar(name: string): Promise<Buffer> {
  return await tar(file(name, `content of ${name}\n`));
}

export function configFor(layers: readonly Buffer[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      created: "2024-01-01T00:00:00Z",
      config: { Cmd: ["/hello"], Env: ["A=b"] },
      rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${hex(layer)}`) },
    }),
  );
}

/** An archive as `docker save` wrote it before version 25; the third layer is a link to the first. */
export async function oldDockerArchive(
  names: readonly string[] | null = ["test/app:1"],
): Promise<Buffer> {
  const one = await layerTar("one");
  const two = await layerTar("two");
  const config = configFor([one, two, one]);
  const manifest = [
    {
      Config: `${hex(config)}.json`,
      RepoTags: names,
      Layers: ["a/layer.tar", "b/layer.tar", "c/layer.tar"],
    },
  ];
  return await tar(
    file("a/VERSION", "1.0"),
    file("a/json", "{}"),
    file("a/layer.tar", one),
    file("b/layer.tar", two),
    link("c/layer.tar", "../a/layer.tar"),
    file(`${hex(config)}.json`, config),
    file("manifest.json", JSON.stringify(manifest)),
    file("repositories", "{}"),
  );
}

export interface OciParts {
  readonly members: TarMember[];
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly layer: Buffer;
}

/** The blobs of an OCI image with one gzipped layer. */
export async function ociParts(changes: Record<string, unknown> = {}): Promise<OciParts> {
  const plain = await layerTar("hello");
  const layer = gzipSync(plain);
  const config = configFor([plain]);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: `sha256:${hex(config)}`,
        size: config.length,
      },
      layers: [
        {
          mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
          digest: `sha256:${hex(layer)}`,
          size: layer.length,
        },
      ],
      ...changes,
    }),
  );
  const members = [layer, config, manifest].map((blob) => file(`blobs/sha256/${hex(blob)}`, blob));
  return { members, manifest, config, layer };
}

export function ociIndex(manifest: Buffer, annotations: Record<string, string> = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          digest: `sha256:${hex(manifest)}`,
          size: manifest.length,
          annotations,
        },
      ],
    }),
  );
}
