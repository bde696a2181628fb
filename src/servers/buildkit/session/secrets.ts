import { DuetError } from "../../../kit/errors.ts";
import type { RegistryCredentials } from "../../../domain/registry.ts";
import { credentials, getSecret } from "../../../spec/buildkit/session.ts";
import { codes, StatusError } from "../../../kit/grpc/status.ts";
import type { Session } from "./session.ts";

/** BuildKit's limit of a secret, in bytes. */
const maximumSecret = 500 << 10;

/** Undefined where the client has none of that name. Throws `too-large` SECRET_TOO_LARGE. */
export async function readSecret(
  session: Session,
  id: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  if (!session.offers(getSecret)) return undefined;
  try {
    const { data } = await session.client.call(getSecret, { id }, signal);
    if (data.length <= maximumSecret) return Buffer.from(data);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  throw new DuetError(
    "too-large",
    "SECRET_TOO_LARGE",
    `secret ${id} is over ${maximumSecret} bytes`,
  );
}

/** What the client's configuration holds for a registry; null for nothing. */
export async function readCredentials(
  session: Session,
  host: string,
  signal: AbortSignal,
): Promise<RegistryCredentials | null> {
  if (!session.offers(credentials)) return null;
  // The client keeps Docker Hub's under the name that it has had since its first days.
  const name = host === "docker.io" ? "registry-1.docker.io" : host;
  try {
    const found = await session.client.call(credentials, { host: name }, signal);
    if (found.secret === "") return null;
    // Without a user name the secret is a token of an identity provider.
    return found.username === ""
      ? { username: "", password: "", identityToken: found.secret }
      : { username: found.username, password: found.secret, identityToken: "" };
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

export function isAbsent(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  return error.status.code === codes.notFound || error.status.code === codes.unimplemented;
}
