import { manifestKind, maximumManifestBytes, parseIndex } from "../../domain/manifest.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import type { JsonValue } from "../../kit/strict-json.ts";
import type { IndexAnswer, ManifestAnswer } from "../../spec/duet/manifests.ts";
import type { Exchange } from "../docker/exchange.ts";
import { invalid } from "../docker/failures.ts";
import { registryAuth } from "../docker/registry-auth.ts";

/** `GET /duet/v1/images/{name}/manifest`. */
export async function answerManifest(exchange: Exchange): Promise<void> {
  const auth = registryAuth(exchange.headers["x-registry-auth"]);
  const name = exchange.parameter("name");
  const found = await exchange.engine.images.remote(name, auth, exchange.signal);
  const { mediaType, digest, size } = found.descriptor;
  const { platforms } = found;
  const content = found.content.toString("utf8");
  const answer: ManifestAnswer = { mediaType, digest, size, platforms, content };
  exchange.answer(200, answer);
}

/** `PUT /duet/v1/images/{name}/manifest`: writes an index. Throws `invalid` for what is none. */
export async function writeManifest(exchange: Exchange): Promise<void> {
  const auth = registryAuth(exchange.headers["x-registry-auth"]);
  const body = (await exchange.json()) as JsonValue | undefined;
  const fields = new JsonFields(body ?? {}, "the body", (why) => invalid(why));
  const mediaType = fields.text("mediaType") ?? "";
  const content = Buffer.from(fields.text("content") ?? "");
  const sources = fields.texts("sources") ?? [];
  if (manifestKind(mediaType) !== "index" || content.length > maximumManifestBytes)
    throw invalid("the body's mediaType and content must be those of an index");
  const { manifests } = parseIndex(content, mediaType);
  if (manifests.length !== sources.length)
    throw invalid("the body must name a source for each manifest of the index");
  const options = {
    ...{ mediaType, content, auth },
    manifests: manifests.map((descriptor, at) => ({ descriptor, source: sources[at]! })),
  };
  const name = exchange.parameter("name");
  const digest = await exchange.engine.images.pushIndex(name, options, exchange.signal);
  const answer: IndexAnswer = { digest };
  exchange.answer(201, answer);
}
