import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { writeTar } from "../../src/kit/tar/writer.ts";

export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Entry extends Blob {
  readonly artifactType?: string;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

const ociType = (name: string): string => `application/vnd.oci.image.${name}`;

/** An OCI image layout in a folder, filled blob by blob. */
export class OciLayout {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(folder: string): Promise<OciLayout> {
    await mkdir(join(folder, "blobs/sha256"), { recursive: true });
    await writeFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
    return new OciLayout(folder);
  }

  async put(mediaType: string, content: Buffer | object): Promise<Blob> {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const hex = createHash("sha256").update(bytes).digest("hex");
    await writeFile(join(this.folder, "blobs/sha256", hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  }

  /** An image of one layer for each text, a file `name` with that text in it. */
  async image(
    architecture: string,
    files: Readonly<Record<string, string>>,
    compression: "gzip" | "zstd" | "none" = "gzip",
  ): Promise<Entry> {
    const layers: Blob[] = [];
    const diffIds: string[] = [];
    for (const [name, text] of Object.entries(files)) {
      const tar = await tarOf({ [name]: text });
      diffIds.push(`sha256:${createHash("sha256").update(tar).digest("hex")}`);
      layers.push(await this.layer(tar, compression));
    }
    return await this.manifest(architecture, layers, diffIds);
  }

  /** An image for amd64 with all these files in one layer, gzipped. */
  async oneLayer(
    files: Readonly<Record<string, string>>,
  ): Promise<{ readonly manifest: Entry; readonly layer: Blob }> {
    const tar = await tarOf(files);
    const layer = await this.layer(tar, "gzip");
    const diffId = `sha256:${createHash("sha256").update(tar).digest("hex")}`;
    return { layer, manifest: await this.manifest("amd64", [layer], [diffId]) };
  }

  private async manifest(
    architecture: string,
    layers: readonly Blob[],
    diffIds: readonly string[],
  ): Promise<Entry> {
    const config = await this.put(ociType("config.v1+json"), {
      architecture,
      os: "linux",
      config: { Cmd: ["/true"], Labels: { architecture } },
      rootfs: { type: "layers", diff_ids: diffIds },
    });
    const mediaType = ociType("manifest.v1+json");
    const annotations = { "org.example.kept": architecture };
    const manifest = { schemaVersion: 2, mediaType, config, layers, annotations };
    return { ...(await this.put(mediaType, manifest)), platform: { os: "linux", architecture } };
  }

  /** An attestation of `subject`, as BuildKit puts it into an index. */
  async attestation(subject: Blob): Promise<Entry> {
    const statement = { _type: "statement", predicate: {} };
    const layers = [await this.put("application/vnd.in-toto+json", statement)];
    const config = await this.put(ociType("config.v1+json"), {
      architecture: "unknown",
      os: "unknown",
      rootfs: { type: "layers", diff_ids: [layers[0]!.digest] },
    });
    const mediaType = ociType("manifest.v1+json");
    return {
      ...(await this.put(mediaType, { schemaVersion: 2, mediaType, config, layers })),
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": subject.digest,
      },
    };
  }

  /** Makes an index of these entries the layout's one image. */
  async index(manifests: readonly Entry[]): Promise<Blob> {
    const mediaType = ociType("index.v1+json");
    const annotations = { "org.example.index": "kept" };
    const index = await this.put(mediaType, {
      schemaVersion: 2,
      mediaType,
      manifests,
      annotations,
    });
    await this.top(index);
    return index;
  }

  async top(entry: Blob): Promise<void> {
    const index = { schemaVersion: 2, manifests: [entry] };
    await writeFile(join(this.folder, "index.json"), JSON.stringify(index));
  }

  private async layer(tar: Buffer, compression: "gzip" | "zstd" | "none"): Promise<Blob> {
    if (compression === "none") return await this.put(ociType("layer.v1.tar"), tar);
    const bytes = compression === "gzip" ? gzipSync(tar) : zstdCompressSync(tar);
    return await this.put(ociType(`layer.v1.tar+${compression}`), bytes);
  }
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const members = Object.entries(files).map(([name, text]) => {
    const content = Buffer.from(text);
    const size = content.length;
    return {
      header: { kind: "file", name: Buffer.from(name), mode: 0o755, size } as const,
      content,
    };
  });
  const parts: Buffer[] = [];
  for await (const part of writeTar(members)) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}
