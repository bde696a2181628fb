import type { Descriptor } from "../../domain/image.ts";
import { formatPlatform } from "../../domain/platform.ts";
import type { ReferrersTree } from "../../domain/registry.ts";
import type { ReferrerEntry, ReferrersAnswer } from "../../spec/duet/referrers.ts";
import type { Exchange } from "../docker/exchange.ts";
import { registryAuth } from "../docker/registry-auth.ts";

/** `GET /duet/v1/images/{name}/referrers`: asks the registry; credentials come as for a pull. */
export async function answerReferrers(exchange: Exchange): Promise<void> {
  const name = exchange.parameter("name");
  const auth = registryAuth(exchange.headers["x-registry-auth"]);
  const tree = await exchange.engine.images.referrers(name, auth, exchange.signal);
  exchange.answer(200, encodeTree(tree));
}

function encodeTree({ descriptor, referrers, manifests }: ReferrersTree): ReferrersAnswer {
  return {
    ...encode(descriptor),
    referrers: referrers.map(encode),
    manifests: manifests.map(encodeTree),
  };
}

function encode({ platform, ...descriptor }: Descriptor): ReferrerEntry {
  return platform === undefined
    ? descriptor
    : { ...descriptor, platform: formatPlatform(platform) };
}
