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
import type { Answer } from "./exchange.ts";
import { fetchManifest } from "./manifests.ts";

/** Pages of a list that are read; each may have thousands of entries. */
const mostPages = 16;

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
  let target: string | URL | undefined = `/v2/${reference.path}/referrers/${subject}`;
  for (let page = 0; page < mostPages && target !== undefined; page += 1) {
    const answer = await endpoint.send({
      method: "GET",
      target,
      headers: { accept: mediaTypes.ociIndex },
      scope: `repository:${reference.path}:pull`,
      credentials,
      signal,
    });
    if (answer.status === 404 && page === 0) {
      await answer.discard();
      return await fromTag(endpoint, reference, subject, credentials, signal);
    }
    if (answer.status !== 200)
      throw await answerError(answer, { reference, action: "pull", object: "manifest" });
    const bytes = await answer.bytes(maximumManifestBytes);
    found.push(...parseIndex(bytes, mediaTypes.ociIndex).manifests);
    target = nextPage(answer);
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

/** `Link: <…>; rel="next"` (RFC 8288), against the page that it came with. */
function nextPage(answer: Answer): URL | undefined {
  const match = /<([^<>\s]{1,2000})>\s*;\s*rel="?next"?/.exec(answer.header("link") ?? "");
  const target = match?.[1];
  return target !== undefined && URL.canParse(target, answer.url.href)
    ? new URL(target, answer.url)
    : undefined;
}
