import { authConfig } from "../../../spec/docker/bodies.ts";
import type { AuthAnswer } from "../../../spec/docker/image.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { credentialsOf } from "../registry-auth.ts";

/** `POST /auth`: checks credentials at a registry; nothing of them is kept or logged. */
export async function login(exchange: Exchange): Promise<void> {
  const auth = await exchange.read(authConfig);
  const credentials = credentialsOf(auth) ?? { username: "", password: "", identityToken: "" };
  const registry = auth.serveraddress || "https://index.docker.io/v1/";
  if (!isAddress(registry)) {
    throw invalid(`unable to parse server address: ${JSON.stringify(registry.slice(0, 200))}`);
  }
  const { images } = exchange.engine;
  const { status, identityToken } = await images.login(registry, credentials, exchange.signal);
  const answer: AuthAnswer = { Status: status, IdentityToken: identityToken };
  exchange.answer(200, answer);
}

/** With a scheme or without, as Docker reads it. */
function isAddress(registry: string): boolean {
  const hasScheme = registry.startsWith("https://") || registry.startsWith("http://");
  return URL.canParse(hasScheme ? registry : `https://${registry}`);
}
