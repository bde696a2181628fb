import { familiarReference, parseReference } from "../../../domain/reference.ts";
import { DuetError } from "../../../kit/errors.ts";
import { readTar } from "../../../kit/tar/reader.ts";
import { writeTar, type TarMember } from "../../../kit/tar/writer.ts";
import { attest } from "../attest/attest.ts";
import { runPart } from "../front-end/vertex.ts";
import type { Export, ExportResponse } from "./export.ts";
import { namesOf, responseOf, storeImage } from "./image.ts";
import { sendFile } from "./send.ts";

/**
 * `--output type=docker|oci,dest=FILE`: a tar with OCI layout and Docker's manifest.json, of one platform's image.
 * The image does not stay here, unless it was here before.
 */
export async function exportArchive(
  wanted: Export,
  kind: "docker" | "oci",
  signal: AbortSignal,
): Promise<ExportResponse> {
  const { kit, job, exporter } = wanted;
  const title = `exporting to ${kind} image format`;
  const identity = `${job.request.reference}\0${wanted.index}`;
  return await runPart(job.progress.tell, title, identity, async (progress) => {
    const names = namesOf(exporter.attributes.get("name"));
    await refuseIndex(wanted, kind, signal);
    const before = new Set(kit.engine.images.list().map(({ image }) => image.id));
    const stored = await storeImage(wanted, [], progress, signal);
    const { image } = stored;
    try {
      const archive = kit.engine.images.save([image.id], signal);
      await sendFile(wanted, writeTar(named(archive, names)), progress, signal);
      return responseOf(stored, names);
    } finally {
      if (!before.has(image.id)) {
        await kit.engine.images
          .remove(image.id, { force: false, prune: true }, AbortSignal.timeout(removeMilliseconds))
          .catch(() => undefined);
      }
    }
  });
}

const removeMilliseconds = 30_000;

async function refuseIndex(wanted: Export, kind: string, signal: AbortSignal): Promise<void> {
  const isIndex = wanted.results.length > 1 || (await attest(wanted, [], signal)).length > 0;
  if (!isIndex) return;
  throw new DuetError(
    "unsupported",
    "EXPORTER",
    `${kind} exporter does not currently support exporting manifest lists`,
    { hint: "images for several platforms, or with attestations, can be pushed to a registry" },
  );
}

/** Bytes of the two files that hold the archive's names. */
const maximumList = 1 << 20;

/** The archive of an image without a name, as one of an image with names. */
async function* named(
  archive: AsyncIterable<Buffer>,
  names: readonly string[],
): AsyncGenerator<TarMember> {
  for await (const entry of readTar(archive)) {
    const file = entry.name.toString("utf8");
    const isList = file === "manifest.json" || file === "index.json";
    if (!isList || names.length === 0 || entry.size > maximumList) {
      yield { header: entry, ...(entry.kind === "file" ? { content: entry.content() } : {}) };
      continue;
    }
    const parts: Buffer[] = [];
    for await (const part of entry.content()) parts.push(part);
    const value: unknown = JSON.parse(Buffer.concat(parts).toString("utf8"));
    const content = Buffer.from(JSON.stringify(withNames(value, names)));
    yield { header: { ...entry, size: content.length }, content };
  }
}

function withNames(value: unknown, names: readonly string[]): unknown {
  if (Array.isArray(value)) {
    const tags = names.map((name) => familiarReference(parseReference(name)));
    return value.map((image: object) => ({ ...image, RepoTags: tags }));
  }
  const { manifests = [], ...rest } = value as { readonly manifests?: readonly object[] };
  const all = manifests.flatMap((manifest) =>
    names.map((name) => ({
      ...manifest,
      annotations: {
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": parseReference(name).tag,
      },
    })),
  );
  return { ...rest, manifests: all };
}
