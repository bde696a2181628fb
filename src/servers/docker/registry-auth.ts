import type { RegistryCredentials } from "../../domain/registry.ts";
import { Fields } from "./fields.ts";
import { parseBoundedJson } from "./strict-json.ts";

export interface RegistryLogin {
  readonly credentials: RegistryCredentials;
  /** As the client names it; the hub's old address by default. */
  readonly registry: string;
}

/** Reads an AuthConfig. `auth` is base64 of `user:password`, used where the two are not given. */
export function decodeAuth(value: unknown): RegistryLogin {
  const fields = Fields.of(value, "");
  const packed = Buffer.from(fields.text("auth") ?? "", "base64").toString("utf8");
  const colon = packed.indexOf(":");
  return {
    credentials: {
      username: fields.text("username") || (colon < 0 ? "" : packed.slice(0, colon)),
      password: fields.text("password") || (colon < 0 ? "" : packed.slice(colon + 1)),
      identityToken: fields.text("identitytoken") || (fields.text("registrytoken") ?? ""),
    },
    registry: fields.text("serveraddress") || "https://index.docker.io/v1/",
  };
}

/** The header X-Registry-Auth: base64url of an AuthConfig. As in Docker, one that cannot be read is none. */
export function registryAuth(
  header: string | readonly string[] | undefined,
): RegistryCredentials | null {
  if (typeof header !== "string" || header === "") return null;
  try {
    const value = parseBoundedJson(Buffer.from(header, "base64url"));
    const { credentials } = decodeAuth(value);
    const isEmpty = credentials.username === "" && credentials.identityToken === "";
    return isEmpty ? null : credentials;
  } catch {
    return null;
  }
}
