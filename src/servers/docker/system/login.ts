import type { AuthAnswer } from "../../../spec/docker/image.ts";
import type { Exchange } from "../exchange.ts";
import { decodeAuth } from "../registry-auth.ts";

/** `POST /auth`: checks credentials at a registry; nothing of them is kept or logged. */
export async function login(exchange: Exchange): Promise<void> {
  const { credentials, registry } = decodeAuth((await exchange.json()) ?? {});
  const status = await exchange.engine.images.login(registry, credentials, exchange.signal);
  const answer: AuthAnswer = { Status: status, IdentityToken: "" };
  exchange.answer(200, answer);
}
