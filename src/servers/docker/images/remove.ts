import type { ImageDeleteEntry, ImagesPruneAnswer } from "../../../spec/docker/image.ts";
import type { Exchange } from "../exchange.ts";
import { keepByAgeAndLabels } from "../prune-filters.ts";
import { createdAt, repoTags } from "./summary.ts";

/** `DELETE /images/{name}`. */
export async function removeImage(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const removed = await engine.images.remove(
    exchange.parameter("name"),
    { force: query.flag("force"), prune: !query.flag("noprune") },
    exchange.signal,
  );
  const answer = removed.map((entry): ImageDeleteEntry =>
    entry.untagged === undefined ? { Deleted: entry.deleted ?? "" } : { Untagged: entry.untagged },
  );
  exchange.answer(200, answer);
}

/** The engine tells `deleted: sha256:…` and `untagged: name:tag`. */
function pruneEntry(text: string): ImageDeleteEntry {
  const separator = text.indexOf(": ");
  if (separator < 0) return { Deleted: text };
  const name = text.slice(separator + 2);
  return text.startsWith("untagged") ? { Untagged: name } : { Deleted: name };
}

/** `POST /images/prune`: dangling images, or with `dangling=false` all that nobody uses. */
export async function pruneImages(exchange: Exchange): Promise<void> {
  const filters = exchange.query.filters();
  const keeps = keepByAgeAndLabels(filters);
  const onlyDangling = filters.flag("dangling") ?? true;
  const { deleted, reclaimed } = await exchange.engine.images.prune(
    (image, names) =>
      keeps(createdAt(image), image.process.labels) || (onlyDangling && repoTags(names).length > 0),
    exchange.signal,
  );
  const entries = deleted.map(pruneEntry);
  const answer: ImagesPruneAnswer = {
    ImagesDeleted: entries.length > 0 ? entries : null,
    SpaceReclaimed: reclaimed,
  };
  exchange.answer(200, answer);
}
