import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import type { Descriptor } from "../../domain/image.ts";
import { mediaTypes } from "../../domain/manifest.ts";
import { decompress } from "../../kit/decompress.ts";
import type { EngineContext } from "../context.ts";
import { storeMade } from "../images/store-layer.ts";
import type { LayerCompression } from "./build.ts";

/** What a layer's type says of its bytes, in each family of types. */
const types = {
  gzip: { oci: mediaTypes.ociLayerGzip, docker: mediaTypes.dockerLayerGzip },
  zstd: { oci: mediaTypes.ociLayerZstd, docker: mediaTypes.dockerLayerZstd },
  uncompressed: { oci: mediaTypes.ociLayer, docker: mediaTypes.dockerLayer },
} as const;

type Algorithm = keyof typeof types;

/** The same bytes under the names of the other specification; other types, such as foreign layers, stay. */
export function typed(layer: Descriptor, kind: "oci" | "docker"): Descriptor {
  const algorithm = algorithmOf(layer);
  return algorithm === undefined ? layer : { ...layer, mediaType: types[algorithm][kind] };
}

function algorithmOf({ mediaType }: Descriptor): Algorithm | undefined {
  const names = Object.keys(types) as Algorithm[];
  return names.find((name) => Object.values<string>(types[name]).includes(mediaType));
}

/**
 * Layers compressed as wanted: those that the build has made, or with `force` all. What they hold stays the same. Call
 * it with the collection kept from running.
 */
export async function recompressed(
  context: EngineContext,
  layers: readonly (Descriptor & { readonly isOwn?: boolean })[],
  wanted: LayerCompression | undefined,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  if (wanted === undefined) return layers;
  const found: Descriptor[] = [];
  for (const layer of layers) {
    const algorithm = algorithmOf(layer);
    const isLeft = algorithm === undefined || !(layer.isOwn === true || wanted.force);
    const isSo =
      algorithm === wanted.algorithm && (wanted.level === null || algorithm === "uncompressed");
    found.push(isLeft || isSo ? layer : await compress(context, layer, wanted, signal));
  }
  return found;
}

async function compress(
  context: EngineContext,
  layer: Descriptor,
  { algorithm, level }: LayerCompression,
  signal: AbortSignal,
): Promise<Descriptor> {
  const plain = decompress(await context.content.stream(layer.digest), { signal });
  const made = await storeMade(context, async (append) => {
    const write = async (source: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of source) await append(chunk);
    };
    if (algorithm === "uncompressed") return await write(plain);
    const engine =
      algorithm === "zstd"
        ? createZstdCompress(
            level === null ? {} : { params: { [constants.ZSTD_c_compressionLevel]: level } },
          )
        : createGzip(level === null ? {} : { level });
    await pipeline(Readable.from(plain, { objectMode: false }), engine, write, { signal });
  });
  return { mediaType: types[algorithm].oci, ...made };
}
