import type { ImageRecord } from "../../../domain/image.ts";
import { parseReference } from "../../../domain/reference.ts";
import type { Exchange } from "../exchange.ts";
import type { Filters } from "../filters.ts";
import { parseMoment } from "../time.ts";
import { globMatches } from "./glob.ts";
import { manifestField } from "./manifests.ts";
import { createdAt, repoDigests, repoTags, summariseImage, type NamedImage } from "./summary.ts";

/** `GET /images/json`: newest first. */
export async function listImages(exchange: Exchange): Promise<void> {
  const filter = exchange.query.text("filter");
  const own = exchange.query.filters();
  const filters = filter === "" ? own : own.and("reference", filter);
  const all = exchange.engine.images.list();
  const isParent = new Set(all.map(({ image }) => image.parent));
  const test = imageTest(exchange, filters, (image) => isParent.has(image.id));
  const shared = exchange.query.flag("shared-size") ? await sharedSizes(exchange) : null;
  const users = exchange.apiVersion < 1051 ? null : usersOf(exchange);
  const chosen = all
    .filter(test)
    .map((entry) => ({ entry, time: createdAt(entry.image) }))
    .toSorted((left, right) => right.time - left.time)
    .map(({ entry }) => ({ entry, summary: summariseImage(entry, exchange.apiVersion) }))
    .map(async ({ entry, summary }) => ({
      ...summary,
      ...(await manifestField(exchange, entry)),
      RepoTags: summary.RepoTags.filter((name) => isWanted(filters, name)),
      RepoDigests: summary.RepoDigests.filter((name) => isWanted(filters, name)),
      SharedSize: shared?.get(summary.Id) ?? summary.SharedSize,
      Containers: users === null ? -1 : (users.get(summary.Id) ?? 0),
    }));
  exchange.answer(200, await Promise.all(chosen));
}

/** Bytes of each image that are in others, too. */
async function sharedSizes(exchange: Exchange): Promise<ReadonlyMap<string, number>> {
  const { images } = await exchange.engine.system.diskUsage(exchange.signal);
  return new Map(images.map(({ image, shared }) => [image.id, shared]));
}

/** How many containers each image has. */
function usersOf(exchange: Exchange): ReadonlyMap<string, number> {
  const users = new Map<string, number>();
  for (const { image } of exchange.engine.containers.list()) {
    users.set(image, (users.get(image) ?? 0) + 1);
  }
  return users;
}

/** What others were made from and has no name is shown with `all` only, and dangles nowhere. */
function imageTest(
  exchange: Exchange,
  filters: Filters,
  isParent: (image: ImageRecord) => boolean,
): (entry: NamedImage) => boolean {
  const dangling = filters.flag("dangling");
  const all = exchange.query.flag("all");
  for (const pattern of filters.get("reference")) globMatches(pattern, "");
  const time = (name: string, otherwise: number): number => {
    const reference = filters.get(name)[0];
    return reference === undefined
      ? otherwise
      : createdAt(exchange.engine.images.get(reference).image);
  };
  const before = time("before", Number.POSITIVE_INFINITY);
  const since = time("since", Number.NEGATIVE_INFINITY);
  const until = parseMoment(filters.get("until")[0] ?? "", Number.POSITIVE_INFINITY);
  return (entry) => {
    const created = createdAt(entry.image);
    const tags = repoTags(entry.names);
    const isBetween = entry.names.length === 0 && isParent(entry.image);
    return (
      (all || !isBetween) &&
      created < before &&
      created > since &&
      created < until &&
      filters.labels("label", entry.image.process.labels) &&
      (dangling === null || (tags.length === 0 && !isBetween) === dangling) &&
      (!filters.has("reference") ||
        [...tags, ...repoDigests(entry.names)].some((name) => isWanted(filters, name)))
    );
  };
}

/** Docker's familiar match: a pattern without a tag matches every tag of the repository. */
function isWanted(filters: Filters, name: string): boolean {
  if (!filters.has("reference")) return true;
  const repository = name.split("@", 1)[0]!.replace(/:[^/:]*$/, "");
  return filters
    .get("reference")
    .some(
      (pattern) =>
        globMatches(pattern, name) ||
        globMatches(pattern, repository) ||
        globMatches(canonical(pattern), name),
    );
}

/** `docker.io/library/nginx:latest` and `nginx` mean the same. */
function canonical(pattern: string): string {
  try {
    const { domain, path, tag } = parseReference(pattern);
    const short = domain === "docker.io" ? path.replace(/^library\//, "") : `${domain}/${path}`;
    return tag === "" || !/:[^/]*$/.test(pattern) ? short : `${short}:${tag}`;
  } catch {
    return pattern;
  }
}
