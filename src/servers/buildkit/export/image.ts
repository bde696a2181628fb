import { prefixed } from "../../../kit/errors.ts";
import { formatReference, parseReference } from "../../../domain/reference.ts";
import { attest } from "../attest/attest.ts";
import { readCredentials } from "../session/secrets.ts";
import type {
  Attestation,
  StoredBuild,
  StoreOptions,
  WrittenBuild,
} from "../../../engine/build/build.ts";
import { runPart, type PartProgress } from "../front-end/vertex.ts";
import { readCompression } from "./compression.ts";
import type { Export, ExportResponse } from "./export.ts";

/** Makes images of the results: `--tag`, `--push`, `--output type=image`. */
export async function exportImage(wanted: Export, signal: AbortSignal): Promise<ExportResponse> {
  const { job, exporter } = wanted;
  const names = namesOf(exporter.attributes.get("name"));
  return await runPart(
    job.progress.tell,
    "exporting to image",
    `${job.request.reference}\0${wanted.index}`,
    async (progress) => {
      const stored = await storeImage(wanted, names, progress, signal);
      for (const name of names) progress.status(`naming to ${name}`, 0, true);
      if (exporter.attributes.get("push") === "true") {
        for (const name of names) await push(wanted, name, progress, signal);
      }
      return responseOf({ id: stored.image.id, target: stored.target }, names);
    },
  );
}

/** The names as they are stored: with their registry, and their tag. */
export function namesOf(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .filter((name) => name !== "")
    .map((name) => formatReference(parseReference(name)));
}

async function storeImage(
  wanted: Export,
  names: readonly string[],
  progress: PartProgress,
  signal: AbortSignal,
): Promise<StoredBuild> {
  progress.status("exporting layers", 0, false);
  const attestations = await attest(wanted, names, signal);
  const stored = await wanted.kit.engine.build.store(
    wanted.results,
    storeOptions(wanted, names, attestations),
    signal,
  );
  progress.status("exporting layers", 0, true);
  progress.status(`writing image ${stored.image.id}`, 0, true);
  return stored;
}

/** What an image is to be like, as the client's options of the exporter say. */
export function storeOptions(
  { exporter: { attributes } }: Export,
  names: readonly string[],
  attestations: readonly Attestation[],
): StoreOptions {
  const compression = readCompression(attributes);
  return {
    ...{ names, attestations, annotations: annotationsOf(attributes) },
    ...(compression === null ? {} : { compression }),
    ...(attributes.get("oci-mediatypes") === "false" ? { mediaTypes: "docker" } : {}),
  };
}

/** `annotation.NAME`, and `annotation-manifest.NAME`, which means the same where there is one manifest. */
function annotationsOf(attributes: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const found = [...attributes].flatMap(([key, value]) => {
    const name = /^annotation(?:-manifest)?(?:\[[^\]]*\])?\.(.+)$/.exec(key)?.[1];
    return name === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

async function push(
  { kit, session }: Export,
  name: string,
  progress: PartProgress,
  signal: AbortSignal,
): Promise<void> {
  const id = `pushing ${name}`;
  progress.status(id, 0, false);

  const auth = await readCredentials(session, parseReference(name).domain, signal);
  try {
    await kit.engine.images.push(name, { auth, platform: null, progress: () => undefined }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw prefixed(`failed to push ${name}`, error);
  }
  progress.status(id, 0, true);
}

/** What clients read of an exported image: its names and digests (`--iidfile`, `--metadata-file`). */
export function responseOf({ id, target }: WrittenBuild, names: readonly string[]): ExportResponse {
  const { mediaType, digest, size } = target;
  const descriptor = Buffer.from(JSON.stringify({ mediaType, digest, size })).toString("base64");
  return new Map([
    ["containerimage.config.digest", id],
    ["containerimage.digest", digest],
    ["containerimage.descriptor", descriptor],
    ...(names.length === 0 ? [] : [["image.name", names.join(",")] as const]),
  ]);
}
