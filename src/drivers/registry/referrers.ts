import { digestHex, type Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import {
  manifestKind,
  maximumManifestBytes,
  mediaTypes,
  parseIndex,
} from "../../domain/manifest.ts";
import type { Reference } from "../../domain/reference.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";
import { isDuetError } from "../../kit/errors.ts";
import { answerError } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { fetchManifest } from "./manifests.ts";
import { pagesOf } from "./pages.ts";

/**
 * What names a manifest as its subject (OCI distribution-spec, "Listing Referrers"); of a registry
 * without that API, what its clients wrote into the tag that stands for it. [] where there is nothing.
 */
export async function fetchReferrers(
  endpoint: Endpoint,
  reference: Reference,
  subject: Digest,
  credentials: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const found: Descriptor[] = [];
  const path = `referrers/${subject}`;
  const headers = { accept: mediaTypes.ociIndex };
  for await (const answer of pagesOf(endpoint, reference, path, headers, credentials, signal)) {
    if (answer.status === 404 && found.length === 0) {
      await answer.discard();
      return await fromTag(endpoint, reference, subject, credentials, signal);
    }
    if (answer.status !== 200)
      throw await answerError(answer, { reference, action: "pull", object: "manifest" });
    const bytes = await answer.bytes(maximumManifestBytes);
    found.push(...parseIndex(bytes, mediaTypes.ociIndex).manifests);
  }
  return found;
}

/** The specification's fallback: an index in the tag `sha256-HEX`. */
async function fromTag(
  endpoint: Endpoint,
  reference: Reference,
  subject: Digest,
  credentials: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const tag = `sha256-${digestHex(subject)}`;
  try {
    const place = { ...reference, tag, digest: null };
    const index = await fetchManifest(endpoint, place, tag, credentials, signal);
    const { mediaType } = index.descriptor;
    if (manifestKind(mediaType) !== "index") return [];
    return parseIndex(index.content, mediaType).manifests;
  } catch (error) {
    if (isDuetError(error, "not-found")) return [];
    throw error;
  }
}
