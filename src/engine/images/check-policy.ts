import type { KeyObject } from "node:crypto";
import type { Digest } from "../../domain/digest.ts";
import { refusedByPolicy, ruleOf } from "../../domain/image-policy.ts";
import type { Descriptor } from "../../domain/image.ts";
import { manifestKind, parseManifestParts } from "../../domain/manifest.ts";
import { parseReference, type Reference } from "../../domain/reference.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";
import {
  bundleType,
  isBundleSignedBy,
  isSignedBy,
  readPublicKey,
  signatureAnnotation,
  signatureTag,
  simpleSigningType,
} from "../../domain/signature.ts";
import { isDuetError, type ErrorClass } from "../../kit/errors.ts";
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
 * Refuses what comes without a registry, and so without signatures, by a name whose place must be signed or
 * lets nothing in; what has no name comes by the rule of everything else. Throws `denied` IMAGE_REFUSED.
 */
export function refuseUnsigned({ policy }: EngineContext, names: readonly string[]): void {
  const references = names.length === 0 ? [null] : names.map((name) => parseReference(name));
  for (const reference of references) {
    const { kind } = reference === null ? policy.otherwise : ruleOf(policy, reference);
    if (kind === "reject") throw refusedByPolicy(reference, "it lets nothing of this place in");
    if (kind === "signed")
      throw refusedByPolicy(reference, "it must be signed, and an archive brings no signatures");
  }
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
  for (const image of digests) {
    const signed: Signed = { context, reference, image, keys, auth, signal };
    for (const find of [tagged, bundled]) {
      for (const isValidSignature of await find(signed)) {
        found += 1;
        if (await unlessUnreadable(signal, isValidSignature, false)) return;
      }
    }
  }
  const why =
    found === 0
      ? "it must be signed, and has no signature"
      : "none of its signatures is by a key that the policy names";
  throw refusedByPolicy(reference, why);
}

/** Where signatures are looked for, and of what. */
interface Signed {
  readonly context: EngineContext;
  readonly reference: Reference;
  readonly image: Digest;
  readonly keys: readonly KeyObject[];
  readonly auth: RegistryCredentials | null;
  readonly signal: AbortSignal;
}

type Signature = () => Promise<boolean>;

/** Cosign's signatures in the tag beside the image; none where there is no such tag or it names something else. */
async function tagged(signed: Signed): Promise<readonly Signature[]> {
  const { context, reference, image, auth, signal } = signed;
  const place = { ...reference, tag: signatureTag(image), digest: null };
  const find = async (): Promise<readonly Signature[]> => {
    const { descriptor, content } = await context.registry.resolve(place, auth, signal);
    if (manifestKind(descriptor.mediaType) !== "manifest") return [];
    return parseManifestParts(content, descriptor.mediaType)
      .layers.filter(({ mediaType }) => mediaType === simpleSigningType)
      .slice(0, mostSignatures)
      .map((payload) => () => isValid(signed, payload));
  };
  return await unlessUnreadable(signal, find, []);
}

/** Sigstore bundles that refer to the image, as cosign writes them from version 3 on. */
async function bundled(signed: Signed): Promise<readonly Signature[]> {
  const { context, reference, image, auth, signal } = signed;
  const find = async (): Promise<readonly Signature[]> => {
    const referrers = await context.registry.referrers(reference, image, auth, signal);
    return referrers
      .filter(({ artifactType }) => artifactType === bundleType)
      .slice(0, mostSignatures)
      .map((manifest) => () => isBundleValid(signed, manifest));
  };
  return await unlessUnreadable(signal, find, []);
}

async function isBundleValid(signed: Signed, manifest: Descriptor): Promise<boolean> {
  const { context, reference, image, keys, auth, signal } = signed;
  const content = await context.registry.manifest(reference, manifest, auth, signal);
  const { layers } = parseManifestParts(content, manifest.mediaType);
  const bundle = layers.find(({ mediaType }) => mediaType === bundleType);
  if (bundle === undefined || bundle.size > maximumPayload) return false;
  const bytes = await readRemoteBlob(context, reference, bundle, maximumPayload, auth, signal);
  return isBundleSignedBy(keys, image, bytes);
}

const unreadable: readonly ErrorClass[] = ["not-found", "invalid", "corrupt", "too-large"];

/** What `read` gives; `otherwise` where there is nothing, or nothing that one could make out. */
async function unlessUnreadable<T>(
  signal: AbortSignal,
  read: () => Promise<T>,
  otherwise: T,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    signal.throwIfAborted();
    if (unreadable.some((one) => isDuetError(error, one))) return otherwise;
    throw error;
  }
}

async function isValid(signed: Signed, payload: Descriptor): Promise<boolean> {
  const { context, reference, image, keys, auth, signal } = signed;
  const signature = payload.annotations?.[signatureAnnotation];
  if (signature === undefined || payload.size > maximumPayload) return false;
  const bytes = await readRemoteBlob(context, reference, payload, maximumPayload, auth, signal);
  return isSignedBy(keys, image, bytes, signature);
}
