import { createHash } from "node:crypto";
import { mkdir, readFile, unlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { writeFileAtomic } from "../kit/atomic-file.ts";
import { DuetError, errnoOf } from "../kit/errors.ts";
import type { ManifestPlatform } from "../spec/duet/manifests.ts";

/** One image of a list that is being made. */
export interface ListedManifest {
  /** Where it is, such as `registry.example.com/app:1-amd64`. */
  readonly source: string;
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform: ManifestPlatform;
}

export interface ManifestList {
  readonly name: string;
  readonly manifests: readonly ListedManifest[];
}

const dockerTypes = "application/vnd.docker.distribution.manifest.";
const ociIndex = "application/vnd.oci.image.index.v1+json";

/** Lists wait beside the client's other settings until they are pushed, as Docker's do. */
function pathOf(name: string): string {
  const folder = process.env["DOCKER_CONFIG"] || join(homedir(), ".docker");
  const hash = createHash("sha256").update(name).digest("hex");
  return join(folder, "duet-manifests", `${hash}.json`);
}

/** undefined where there is no list of that name. */
export async function readList(name: string): Promise<ManifestList | undefined> {
  try {
    return JSON.parse(await readFile(pathOf(name), "utf8")) as ManifestList;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Throws `not-found` MANIFEST_LIST_NOT_FOUND. */
export async function existingList(name: string): Promise<ManifestList> {
  const list = await readList(name);
  if (list !== undefined) return list;
  throw new DuetError("not-found", "MANIFEST_LIST_NOT_FOUND", `No such manifest: ${name}`, {
    hint: "make one with `duet manifest create`",
  });
}

export async function writeList(list: ManifestList): Promise<void> {
  const path = pathOf(list.name);
  await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  await writeFileAtomic(path, JSON.stringify(list));
}

export async function removeList(name: string): Promise<void> {
  await existingList(name);
  await unlink(pathOf(name));
}

/** The index that a list stands for: Docker's where one of its images is Docker's, else OCI's. */
export function indexOf({ manifests }: ManifestList): {
  readonly mediaType: string;
  readonly content: string;
} {
  const isDocker = manifests.some(({ mediaType }) => mediaType.startsWith(dockerTypes));
  const mediaType = isDocker ? `${dockerTypes}list.v2+json` : ociIndex;
  const entries = manifests.map(({ mediaType: type, digest, size, platform }) => ({
    ...{ mediaType: type, digest, size, platform },
  }));
  const index = { schemaVersion: 2, mediaType, manifests: entries };
  return { mediaType, content: JSON.stringify(index, null, 3) };
}
