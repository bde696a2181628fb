import type { ImageRecord } from "../../domain/image.ts";
import type { EngineContext } from "../context.ts";

type ImageAction = "create" | "delete" | "import" | "load" | "save" | "untag";

/** Tells of an image by its id, with its labels. */
export function publishImage(
  context: EngineContext,
  image: ImageRecord,
  action: ImageAction,
): void {
  // Of an image that is gone Docker has no labels any more.
  const name = image.id;
  const labels = action === "delete" ? {} : image.process.labels;
  context.events.publish({ type: "image", action, id: image.id, attributes: { ...labels, name } });
}

/** Tells that an image is known by a tag, such as `nginx:latest`. */
export function publishTag(context: EngineContext, image: ImageRecord, tag: string): void {
  const attributes = { ...image.process.labels, name: tag };
  context.events.publish({ type: "image", action: "tag", id: image.id, attributes });
}
