import type { RegistryCredentials } from "../../domain/registry.ts";
import { authConfig } from "../../spec/docker/bodies.ts";
import type { AuthConfig } from "../../spec/docker/image.ts";
import { readShape } from "./read-shape.ts";
import { parseBoundedJson } from "./strict-json.ts";

/**
 * The credentials of an AuthConfig, or null where it has none. `auth` is base64 of `user:password`,
 * used where the two are not given.
 */
export function credentialsOf(auth: AuthConfig): RegistryCredentials | null {
  const packed = Buffer.from(auth.auth ?? "", "base64").toString("utf8");
  const colon = packed.indexOf(":");
  const credentials = {
    username: auth.username || (colon < 0 ? "" : packed.slice(0, colon)),
    password: auth.password || (colon < 0 ? "" : packed.slice(colon + 1)),
    identityToken: auth.identitytoken || (auth.registrytoken ?? ""),
  };
  const isEmpty = credentials.username === "" && credentials.identityToken === "";
  return isEmpty ? null : credentials;
}

/** The header X-Registry-Auth: base64url of an AuthConfig. As in Docker, one that cannot be read is none. */
export function registryAuth(
  header: string | readonly string[] | undefined,
): RegistryCredentials | null {
  if (typeof header !== "string" || header === "") return null;
  try {
    const value = parseBoundedJson(Buffer.from(header, "base64url"));
    return credentialsOf(readShape(authConfig, value));
  } catch {
    return null;
  }
}
