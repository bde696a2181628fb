import type { KeyObject } from "node:crypto";
import type { Digest } from "../../domain/digest.ts";
import { refusedByPolicy, ruleOf } from "../../domain/image-policy.ts";
import type { Descriptor } from "../../domain/image.ts";
import { manifestKind, parseManifestParts } from "../../domain/manifest.ts";
import type { Reference } from "../../domain/reference.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";
import {
  isSignedBy,
  readPublicKey,
  signatureAnnotation,
  signatureTag,
  simpleSigningType,
} from "../../domain/signature.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { readRemoteBlob } from "./read-blob.ts";

const maximumPayload = 64 << 10;
/** Signatures of one image that are looked at. */
const mostSignatures = 64;

/** Refuses what the policy rejects, before the registry is asked at all. Throws `denied` IMAGE_REFUSED. */
export function refuseRejected(context: EngineContext, reference: Reference): void {
  if (ruleOf(context.policy, reference).kind !== "reject") return;
  throw refusedByPolicy(reference, "it lets nothing of this place in");
}

/**
 * Checks that what a name resolved to is signed as the policy wants it; `digests` are the index and
 * the manifest chosen from it: a signature of either will do. Throws `denied` IMAGE_REFUSED.
 */
export async function checkSignature(
  context: EngineContext,
  reference: Reference,
  digests: readonly Digest[],
  auth: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<void> {
  const rule = ruleOf(context.policy, reference);
  if (rule.kind !== "signed") return;
  const keys = rule.keys.map((pem) => readPublicKey(pem, "a key of the image policy"));
  let found = 0;
  for (const digest of digests) {
    const signatures = await signaturesOf(context, reference, digest, auth, signal);
    found += signatures.length;
    for (const signature of signatures) {
      if (await isValid(context, reference, digest, signature, keys, auth, signal)) return;
    }
  }
  const why =
    found === 0
      ? "it must be signed, and has no signature"
      : "none of its signatures is by a key that the policy names";
  throw refusedByPolicy(reference, why);
}

/** Descriptors of cosign's payloads; none where there is no such tag or it names something else. */
async function signaturesOf(
  context: EngineContext,
  reference: Reference,
  image: Digest,
  auth: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const place = { ...reference, tag: signatureTag(image), digest: null };
  try {
    const { descriptor, content } = await context.registry.resolve(place, auth, signal);
    if (manifestKind(descriptor.mediaType) !== "manifest") return [];
    return parseManifestParts(content, descriptor.mediaType)
      .layers.filter(({ mediaType }) => mediaType === simpleSigningType)
      .slice(0, mostSignatures);
  } catch (error) {
    signal.throwIfAborted();
    if (isDuetError(error, "not-found") || isDuetError(error, "invalid")) return [];
    throw error;
  }
}

async function isValid(
  context: EngineContext,
  reference: Reference,
  image: Digest,
  payload: Descriptor,
  keys: readonly KeyObject[],
  auth: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<boolean> {
  const signature = payload.annotations?.[signatureAnnotation];
  if (signature === undefined || payload.size > maximumPayload) return false;
  const bytes = await readRemoteBlob(context, reference, payload, maximumPayload, auth, signal);
  return isSignedBy(keys, image, bytes, signature);
}
