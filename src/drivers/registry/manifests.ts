import { digestOf, isDigest, type Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { manifestMediaType, maximumManifestBytes, mediaTypes } from "../../domain/manifest.ts";
import type { Reference } from "../../domain/reference.ts";
import type { RegistryCredentials, ResolvedManifest } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { answerError } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";

const accepted = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerList,
  mediaTypes.dockerManifest,
].join(", ");

/**
 * Fetches a manifest or index, checks its digest against what was asked for and against what the
 * registry claims, and names its media type.
 */
export async function fetchManifest(
  endpoint: Endpoint,
  reference: Reference,
  name: string,
  credentials: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<ResolvedManifest> {
  const answer = await endpoint.send({
    method: "GET",
    target: `/v2/${reference.path}/manifests/${name}`,
    headers: { accept: accepted },
    scope: `repository:${reference.path}:pull`,
    credentials,
    signal,
  });
  if (answer.status !== 200)
    throw await answerError(answer, { reference, action: "pull", object: "manifest" });
  const content = await answer.bytes(maximumManifestBytes);
  const digest = digestOf(content);
  const claimed = isDigest(name) ? name : (answer.header("docker-content-digest") ?? digest);
  if (isDigest(claimed) && claimed !== digest) {
    throw new DuetError(
      "corrupt",
      "DIGEST_MISMATCH",
      `the manifest has digest ${digest}, not the promised ${claimed}`,
      {
        subject: claimed,
      },
    );
  }
  const mediaType = manifestMediaType(content, answer.header("content-type") ?? "");
  return { descriptor: { mediaType, digest, size: content.length }, content };
}

/** The manifest of a descriptor that an index gave: size and type must be those promised, too. */
export async function fetchDescribedManifest(
  endpoint: Endpoint,
  reference: Reference,
  descriptor: Descriptor,
  credentials: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<Buffer> {
  if (descriptor.size > maximumManifestBytes) {
    throw new DuetError(
      "too-large",
      "MANIFEST_TOO_LARGE",
      `${descriptor.digest} is larger than 4 MiB`,
    );
  }
  const found = await fetchManifest(endpoint, reference, descriptor.digest, credentials, signal);
  if (found.content.length !== descriptor.size) {
    throw new DuetError(
      "corrupt",
      "SIZE_MISMATCH",
      `the manifest has ${found.content.length} bytes where ${descriptor.size} were promised: ${descriptor.digest}`,
      { subject: descriptor.digest },
    );
  }
  if (found.descriptor.mediaType !== descriptor.mediaType) {
    throw new DuetError(
      "invalid",
      "MANIFEST_INVALID",
      `the manifest came as ${found.descriptor.mediaType}, not as the promised ${descriptor.mediaType}`,
      { subject: descriptor.digest },
    );
  }
  return found.content;
}

export async function putManifest(
  endpoint: Endpoint,
  reference: Reference,
  mediaType: string,
  content: Buffer,
  credentials: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<Digest> {
  const digest = digestOf(content);
  const answer = await endpoint.send({
    method: "PUT",
    target: `/v2/${reference.path}/manifests/${reference.tag || digest}`,
    headers: { "content-type": mediaType },
    body: async () => content,
    scope: `repository:${reference.path}:pull,push`,
    credentials,
    signal,
  });
  if (answer.status !== 201 && answer.status !== 200) {
    throw await answerError(answer, { reference, action: "push", object: "manifest" });
  }
  await answer.discard();
  const stored = answer.header("docker-content-digest");
  if (isDigest(stored) && stored !== digest) {
    throw new DuetError(
      "corrupt",
      "DIGEST_MISMATCH",
      `the registry stored ${stored} instead of ${digest}`,
    );
  }
  return digest;
}
