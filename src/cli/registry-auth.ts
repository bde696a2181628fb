import type { AuthConfig } from "../client/api-types.ts";
import { findCredentials, registryOfReference } from "../client/credentials.ts";

/** The stored credentials for the registry of an image reference; undefined without any. */
export async function registryAuth(
  reference: string,
  signal: AbortSignal,
): Promise<AuthConfig | undefined> {
  return await findCredentials(registryOfReference(reference), { signal });
}
