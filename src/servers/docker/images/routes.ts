import type { Route } from "../router.ts";
import { inspectImage, listHistory } from "./inspect.ts";
import { listImages } from "./list.ts";
import { answerDistribution } from "./distribution.ts";
import { pruneImages, removeImage } from "./remove.ts";
import { searchImages } from "./search.ts";
import { createImage, loadImages, pushImage, saveImages, tagImage } from "./transfer.ts";

export const imageRoutes: readonly Route[] = [
  { method: "GET", path: "/images/json", handle: listImages },
  { method: "GET", path: "/distribution/{name*}/json", handle: answerDistribution },
  { method: "GET", path: "/images/search", handle: searchImages },
  { method: "GET", path: "/images/get", handle: saveImages },
  { method: "GET", path: "/images/{name*}/get", handle: saveImages },
  { method: "GET", path: "/images/{name*}/json", handle: inspectImage },
  { method: "GET", path: "/images/{name*}/history", handle: listHistory },
  { method: "POST", path: "/images/create", handle: createImage },
  { method: "POST", path: "/images/load", handle: loadImages },
  { method: "POST", path: "/images/prune", handle: pruneImages },
  { method: "POST", path: "/images/{name*}/push", handle: pushImage },
  { method: "POST", path: "/images/{name*}/tag", handle: tagImage },
  { method: "DELETE", path: "/images/{name*}", handle: removeImage },
];
