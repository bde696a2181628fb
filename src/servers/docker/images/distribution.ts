import { isDigest } from "../../../domain/digest.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { DistributionInspect } from "../../../spec/docker/image.ts";
import type { Exchange } from "../exchange.ts";
import { registryAuth } from "../registry-auth.ts";

/** `GET /distribution/{name}/json`: what the registry has under that name. */
export async function answerDistribution(exchange: Exchange): Promise<void> {
  const name = exchange.parameter("name");
  if (isDigest(name)) {
    throw new DuetError("invalid", "FULL_ID", "no manifest found for full image ID", { http: 500 });
  }
  const auth = registryAuth(exchange.headers["x-registry-auth"]);
  const { descriptor, platforms } = await exchange.engine.images.remote(
    name,
    auth,
    exchange.signal,
  );
  const { mediaType, digest, size } = descriptor;
  const answer: DistributionInspect = {
    Descriptor: { mediaType, digest, size },
    Platforms: platforms.map(({ architecture, os, variant }) => ({
      architecture,
      os,
      ...(variant === undefined || variant === "" ? {} : { variant }),
    })),
  };
  exchange.answer(200, answer);
}
