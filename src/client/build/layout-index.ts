import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import { DuetError, errnoOf, isDuetError } from "../../kit/errors.ts";
import { parseStrictJson, type JsonRecord, type JsonValue } from "../../kit/strict-json.ts";

const nameAnnotation = "org.opencontainers.image.ref.name";
const indexType = "application/vnd.oci.image.index.v1+json";

/**
 * The digest that a tag has in a folder with an OCI layout; without a tag that of `latest`, or of the only image. Throws
 * `not-found` LAYOUT_MISSING, `invalid` JSON_INVALID or LAYOUT_INVALID.
 */
export async function digestInLayout(folder: string, tag: string | null): Promise<string> {
  const manifests = manifestsOf(await readIndex(folder), folder);
  const tagged = manifests.find((one) => nameOf(one) === (tag ?? "latest"));
  const found = tagged ?? (tag === null && manifests.length === 1 ? manifests[0] : undefined);
  const digest = found?.["digest"];
  if (typeof digest === "string") return digest;
  const hint = `it has ${manifests.map(nameOf).filter(Boolean).join(", ") || "no tags"}`;
  throw missing(`no image ${tag ?? "latest"} in the OCI layout · ${folder}`, hint);
}

/** Gives a tag to a manifest whose blobs are in the folder. `descriptor` is its JSON. Throws as `digestInLayout`. */
export async function tagInLayout(folder: string, descriptor: string, tag: string): Promise<void> {
  const index = await readIndex(folder).catch((error: unknown) => {
    if (isDuetError(error, "not-found")) return {};
    throw error;
  });
  const others = manifestsOf(index, folder).filter((one) => nameOf(one) !== tag);
  const own = parseStrictJson(
    Buffer.from(descriptor),
    "the manifest's descriptor",
    limits,
  ) as JsonRecord;
  const manifests = [...others, { ...own, annotations: { [nameAnnotation]: tag } }];
  await mkdir(folder, { recursive: true });
  const layout = { imageLayoutVersion: "1.0.0" };
  await writeFileAtomic(join(folder, "oci-layout"), JSON.stringify(layout), 0o644);
  const text = JSON.stringify({ schemaVersion: 2, mediaType: indexType, ...index, manifests });
  await writeFileAtomic(join(folder, "index.json"), text, 0o644);
}

const limits = { maximumBytes: 4 << 20 };

async function readIndex(folder: string): Promise<JsonRecord> {
  const path = join(folder, "index.json");
  try {
    const value = parseStrictJson(await readFile(path), path, limits);
    return isRecord(value) ? value : {};
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR") throw error;
    throw missing(`no OCI layout · ${folder}`, "it needs an index.json");
  }
}

function manifestsOf(index: JsonRecord, folder: string): readonly JsonRecord[] {
  const manifests = index["manifests"] ?? [];
  if (Array.isArray(manifests) && manifests.every(isRecord)) return manifests;
  throw new DuetError("invalid", "LAYOUT_INVALID", `its manifests are no list · ${folder}`);
}

function nameOf(manifest: JsonRecord): string {
  const annotations = manifest["annotations"];
  const name = isRecord(annotations) ? annotations[nameAnnotation] : undefined;
  return typeof name === "string" ? name : "";
}

function isRecord(value: JsonValue | undefined): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function missing(message: string, hint: string): DuetError {
  return new DuetError("not-found", "LAYOUT_MISSING", message, { hint });
}
