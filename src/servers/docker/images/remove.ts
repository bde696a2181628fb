import type { ImageDeleteEntry, ImagesPruneAnswer } from "../../../spec/docker/image.ts";
import type { RemovedImagePart } from "../../../engine/engine.ts";
import type { Exchange } from "../exchange.ts";
import { parsePlatformJson, refuseOtherPlatform } from "../platform.ts";
import { keepByAgeAndLabels } from "../prune-filters.ts";
import { createdAt, repoTags } from "./summary.ts";

/** `DELETE /images/{name}`. */
export async function removeImage(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const name = exchange.parameter("name");
  for (const text of query.all("platforms")) {
    const wanted = parsePlatformJson(text);
    if (wanted === null) continue;
    refuseOtherPlatform(name, engine.images.get(name, wanted).image.platform, wanted);
  }
  const removed = await engine.images.remove(
    name,
    { force: query.flag("force"), prune: !query.flag("noprune") },
    exchange.signal,
  );
  exchange.answer(200, removed.map(encodePart));
}

function encodePart({ untagged, deleted }: RemovedImagePart): ImageDeleteEntry {
  return deleted === undefined ? { Untagged: untagged } : { Deleted: deleted };
}

/** `POST /images/prune`: dangling images, or with `dangling=false` all that nobody uses. */
export async function pruneImages(exchange: Exchange): Promise<void> {
  const filters = exchange.query.filters();
  const keeps = keepByAgeAndLabels(filters);
  const onlyDangling = filters.flag("dangling") ?? true;
  const { removed, reclaimed } = await exchange.engine.images.prune(
    (image, names) =>
      keeps(createdAt(image), image.process.labels) || (onlyDangling && repoTags(names).length > 0),
    exchange.signal,
  );
  const entries = removed.map(encodePart);
  const answer: ImagesPruneAnswer = {
    ImagesDeleted: entries.length > 0 ? entries : null,
    SpaceReclaimed: reclaimed,
  };
  exchange.answer(200, answer);
}
