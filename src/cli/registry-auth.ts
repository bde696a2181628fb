import type { AuthConfig } from "../client/api-types.ts";
import {
  eraseCredentials,
  findCredentials,
  registryKey,
  registryOfReference,
  storeCredentials,
} from "../client/credentials.ts";

export { standardRegistry } from "../client/credentials.ts";

/** The stored credentials for the registry of an image reference; undefined without any. */
export async function registryAuth(reference: string): Promise<AuthConfig | undefined> {
  return await findCredentials(registryOfReference(reference));
}

export async function saveAuth(registry: string, auth: AuthConfig): Promise<void> {
  await storeCredentials(registryKey(registry), auth);
}

/** False when there was nothing to forget. */
export async function forgetAuth(registry: string): Promise<boolean> {
  return await eraseCredentials(registryKey(registry));
}
