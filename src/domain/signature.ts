import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { DuetError, isDuetError } from "../kit/errors.ts";
import { JsonFields } from "../kit/json-fields.ts";
import { parseStrictJson } from "../kit/strict-json.ts";
import { digestHex, type Digest } from "./digest.ts";

/** Media type of the payload of cosign's signatures (cosign, SIGNATURE_SPEC). */
export const simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json";
/** Annotation of such a payload's descriptor that holds the signature, in base64. */
export const signatureAnnotation = "dev.cosignproject.cosign/signature";
/** Media type of a Sigstore bundle, and of the manifest that refers to an image with one. */
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const statementType = "application/vnd.in-toto+json";
const signPredicate = "https://sigstore.dev/cosign/sign/v1";
const simpleSigningClaim = "cosign container image signature";
const maximumBytes = 64 << 10;

/** Tag under which cosign keeps the signatures of a manifest or index. */
export function signatureTag(digest: Digest): string {
  return `sha256-${digestHex(digest)}.sig`;
}

/** Reads a public key in PEM. Throws `invalid` KEY_INVALID for what is none, or a private one. */
export function readPublicKey(pem: string, subject: string): KeyObject {
  const message = "not a public key in PEM";
  if (/PRIVATE KEY/.test(pem)) {
    throw new DuetError("invalid", "KEY_INVALID", `${message}: it is a private key`, { subject });
  }
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new DuetError("invalid", "KEY_INVALID", message, { cause, subject });
  }
}

/** Whether `payload` says what cosign signs of `image`, and one of the keys signed just these bytes. */
export function isSignedBy(
  keys: readonly KeyObject[],
  image: Digest,
  payload: Buffer,
  signature: string,
): boolean {
  const bytes = base64(signature);
  if (payload.length > maximumBytes || bytes === undefined) return false;
  if (!keys.some((key) => isOfKey(key, payload, bytes))) return false;
  return claimedImage(payload) === image;
}

/**
 * Whether a Sigstore bundle holds cosign's statement that it signs `image`, in an envelope that one of the keys
 * signed (DSSE protocol.md; in-toto Statement v1). What else a bundle may say, such as where an image was
 * built, signs nothing.
 */
export function isBundleSignedBy(
  keys: readonly KeyObject[],
  image: Digest,
  bundle: Buffer,
): boolean {
  try {
    const envelope = fieldsOf(bundle)?.object("dsseEnvelope");
    const payload = base64(envelope?.text("payload") ?? "");
    if (envelope?.text("payloadType") !== statementType || payload === undefined) return false;
    const head = `DSSEv1 ${statementType.length} ${statementType} ${payload.length} `;
    const signed = Buffer.concat([Buffer.from(head), payload]);
    const isSigned = (envelope.objects("signatures") ?? []).some((signature) => {
      const bytes = base64(signature.text("sig") ?? "");
      return bytes !== undefined && keys.some((key) => isOfKey(key, signed, bytes));
    });
    return isSigned && signedSubjects(payload).includes(digestHex(image));
  } catch (error) {
    if (isDuetError(error, "invalid")) return false;
    throw error;
  }
}

/** SHA-256 digests that a statement of cosign's signs; none of another statement. */
function signedSubjects(payload: Buffer): readonly (string | undefined)[] {
  const statement = fieldsOf(payload);
  if (statement?.text("predicateType") !== signPredicate) return [];
  return (statement.objects("subject") ?? []).map((one) => one.object("digest")?.text("sha256"));
}

/** SHA-256 with ECDSA and RSA; Ed25519 has a hash of its own. */
function isOfKey(key: KeyObject, content: Buffer, signature: Buffer): boolean {
  const isEdwards = key.asymmetricKeyType === "ed25519";
  try {
    return verify(isEdwards ? null : "sha256", content, key, signature);
  } catch {
    return false;
  }
}

/** The digest that a payload is about; undefined for a payload of another kind. */
function claimedImage(payload: Buffer): string | undefined {
  const document = fieldsOf(payload);
  const critical = document?.object("critical");
  if (critical?.text("type") !== simpleSigningClaim) return undefined;
  return critical.object("image")?.text("docker-manifest-digest");
}

function fieldsOf(bytes: Buffer): JsonFields | undefined {
  try {
    const value = parseStrictJson(bytes, "a signature", { maximumBytes });
    return new JsonFields(value, "", invalidSignature);
  } catch {
    return undefined;
  }
}

function invalidSignature(why: string): DuetError {
  return new DuetError("invalid", "SIGNATURE_INVALID", `the signature is not valid: ${why}`);
}

function base64(text: string): Buffer | undefined {
  if (text.length > maximumBytes || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, "base64");
}
