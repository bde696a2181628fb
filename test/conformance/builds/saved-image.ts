import { decompress } from "../../../src/kit/decompress.ts";
import { readTar } from "../../../src/kit/tar/reader.ts";

/** An archive of `docker save` with one image. */
export interface SavedImage {
  readonly config: Readonly<Record<string, unknown>>;
  readonly history: readonly string[];
  /** Uncompressed tars, the lowest first. */
  readonly layers: readonly Buffer[];
}

interface ConfigFile {
  readonly config: Readonly<Record<string, unknown>>;
  readonly history: readonly { readonly created_by: string }[];
}

export async function readSaved(archive: Buffer): Promise<SavedImage> {
  const files = new Map<string, Buffer>();
  const links = new Map<string, string>();
  for await (const entry of readTar(one(archive), {})) {
    const name = entry.name.toString();
    if (entry.kind === "symlink") links.set(name, entry.linkName.toString());
    else files.set(name, await whole(entry.content()));
  }
  const [manifest] = JSON.parse(files.get("manifest.json")!.toString()) as [
    { readonly Config: string; readonly Layers: readonly string[] },
  ];
  const { config, history } = JSON.parse(files.get(manifest.Config)!.toString()) as ConfigFile;
  const layers: Buffer[] = [];
  for (const name of manifest.Layers) {
    const target = links.get(name)?.replace(/^\.\.\//, "") ?? name;
    layers.push(await whole(decompress(one(files.get(target)!))));
  }
  return { config, history: history.map((entry) => entry.created_by), layers };
}

export async function* one(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}

export async function whole(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}
