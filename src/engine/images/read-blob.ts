import type { Descriptor } from "../../domain/image.ts";
import type { Reference } from "../../domain/reference.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";
import { createHash } from "node:crypto";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";

/** A small blob of a registry, verified, kept nowhere. Throws `too-large` over `limit` bytes, `corrupt` DIGEST_MISMATCH. */
export async function readRemoteBlob(
  context: EngineContext,
  reference: Reference,
  blob: Descriptor,
  limit: number,
  auth: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<Buffer> {
  if (blob.size > limit) {
    throw new DuetError("too-large", "BLOB_TOO_LARGE", `${blob.digest} has over ${limit} bytes`);
  }
  const { body } = await context.registry.blob(reference, blob, 0, auth, signal);
  const hash = createHash("sha256");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > blob.size) break;
    hash.update(chunk);
    chunks.push(chunk);
  }
  if (`sha256:${hash.digest("hex")}` === blob.digest) return Buffer.concat(chunks);
  throw new DuetError(
    "corrupt",
    "DIGEST_MISMATCH",
    `a blob is not what its digest ${blob.digest} promises`,
  );
}
