import { digestHex } from "../../../domain/digest.ts";
import type { ImageHistoryEntry, ImageInspect } from "../../../spec/docker/image.ts";
import { imageConfig, imageInspect } from "../../../spec/docker/versions.ts";
import type { Exchange } from "../exchange.ts";
import { inVersion } from "../in-version.ts";
import { parsePlatformJson, refuseOtherPlatform } from "../platform.ts";
import { timeText, unixSeconds, zeroTime } from "../time.ts";
import { emptyConfig, encodeImageConfig } from "./config.ts";
import { manifestField } from "./manifests.ts";
import { createdAt, repoDigests, repoTags, type NamedImage } from "./summary.ts";

/** `GET /images/{name}/json`. */
export async function inspectImage(exchange: Exchange): Promise<void> {
  const found = imageOfPlatform(exchange);
  exchange.answer(200, {
    ...encodeImage(found, exchange.apiVersion),
    ...(await manifestField(exchange, found)),
  });
}

/** The image that is named; throws `not-found` where it is of another platform than the one asked for. */
function imageOfPlatform(exchange: Exchange): NamedImage {
  const reference = exchange.parameter("name");
  const wanted = parsePlatformJson(exchange.query.text("platform"));
  const found = exchange.engine.images.get(reference, wanted);
  if (wanted !== null) refuseOtherPlatform(reference, found.image.platform, wanted);
  return found;
}

export function encodeImage({ image, names }: NamedImage, apiVersion: number): ImageInspect {
  const lastTagged = Math.max(0, ...names.map((name) => name.taggedAt));
  const answer: ImageInspect = {
    Id: image.id,
    RepoTags: repoTags(names),
    RepoDigests: repoDigests(names),
    Parent: image.parent ?? "",
    Comment: image.history.at(-1)?.comment ?? "",
    Created: image.created === "" ? zeroTime : image.created,
    DockerVersion: "",
    Author: image.author,
    Config: inVersion(encodeImageConfig(image.process), imageConfig, apiVersion),
    ContainerConfig: emptyConfig,
    Architecture: image.platform.architecture,
    ...(image.platform.variant === undefined ? {} : { Variant: image.platform.variant }),
    Os: image.platform.os,
    Size: image.size,
    VirtualSize: image.size,
    GraphDriver: { Name: "overlay2", Data: null },
    RootFS: { Type: "layers", Layers: [...image.diffIds] },
    Metadata: { LastTagTime: timeText(lastTagged) },
  };
  return inVersion(answer, imageInspect, apiVersion);
}

/** `GET /images/{name}/history`: newest first. Only the image's own line has its id, as after a pull. */
export async function listHistory(exchange: Exchange): Promise<void> {
  const { image, names } = imageOfPlatform(exchange);
  const sizes = await exchange.engine.images.layerSizes(image);
  let layer = 0;
  const entries = image.history.map((step): ImageHistoryEntry => {
    const size = step.emptyLayer ? 0 : (sizes[layer++] ?? 0);
    const time = Date.parse(step.created);
    return {
      Id: "<missing>",
      Created: Number.isNaN(time) ? 0 : unixSeconds(time),
      CreatedBy: step.createdBy,
      Tags: null,
      Size: size,
      Comment: step.comment,
    };
  });
  const newest = entries.at(-1);
  const own = {
    ...(newest ?? {
      Created: unixSeconds(createdAt(image)),
      CreatedBy: "",
      Size: image.size,
      Comment: "",
    }),
    Id: `sha256:${digestHex(image.id)}`,
    Tags: repoTags(names),
  };
  const older = entries.slice(0, -1).toReversed();
  let { parent } = image;
  const named = older.map((entry): ImageHistoryEntry => {
    const from = exchange.engine.images.list().find((other) => other.image.id === parent);
    parent = from?.image.parent;
    return from === undefined
      ? entry
      : { ...entry, Id: from.image.id, Tags: orNull(repoTags(from.names)) };
  });
  exchange.answer(200, [own, ...named]);
}

function orNull(texts: readonly string[]): string[] | null {
  return texts.length > 0 ? [...texts] : null;
}
