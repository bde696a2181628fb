import type { AcceptedLogin, RegistryCredentials } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Endpoint } from "./endpoint.ts";
import { describeFaults, parseFaults } from "./failures.ts";

const maximumErrorBytes = 1 << 20;

/**
 * Checks credentials at a registry; its token server is asked for an identity token, too. Throws `denied`
 * REGISTRY_UNAUTHORIZED: 401 where a token server refuses, 500 where the registry itself does, as in
 * Docker.
 */
export async function logIn(
  endpoint: Endpoint,
  auth: RegistryCredentials,
  signal: AbortSignal,
): Promise<AcceptedLogin> {
  let identityToken = "";
  const answer = await endpoint.send({
    method: "GET",
    target: "/v2/",
    scope: "",
    credentials: auth,
    signal,
    takeIdentity: (token) => (identityToken = token),
  });
  if (answer.status === 200) {
    await answer.discard();
    return { status: "Login Succeeded", identityToken };
  }
  const says = describeFaults(parseFaults(await answer.bytes(maximumErrorBytes)));
  const subject = endpoint.host;
  if (answer.status === 401 || answer.status === 403) {
    const words = answer.status === 401 ? "401 Unauthorized" : "403 Forbidden";
    throw new DuetError(
      "denied",
      "REGISTRY_UNAUTHORIZED",
      `login attempt to ${answer.url.origin}/v2/ failed with status: ${words}`,
      { subject, http: 500 },
    );
  }
  throw new DuetError(
    "unavailable",
    "REGISTRY_FAILED",
    `${subject} answered the login with ${answer.status}${says === "" ? "" : `: ${says}`}`,
    { subject, http: 500 },
  );
}
