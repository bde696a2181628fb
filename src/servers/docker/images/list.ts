import { parseReference } from "../../../domain/reference.ts";
import type { Exchange } from "../exchange.ts";
import type { Filters } from "../filters.ts";
import { parseMoment } from "../time.ts";
import { globMatches } from "./glob.ts";
import { createdAt, repoDigests, repoTags, summariseImage, type NamedImage } from "./summary.ts";

/** `GET /images/json`: newest first. */
export async function listImages(exchange: Exchange): Promise<void> {
  const filter = exchange.query.text("filter");
  const own = exchange.query.filters();
  const filters = filter === "" ? own : own.and("reference", filter);
  const test = imageTest(exchange, filters);
  const shared = exchange.query.flag("shared-size") ? await sharedSizes(exchange) : null;
  const users = exchange.apiVersion < 1051 ? null : usersOf(exchange);
  const chosen = exchange.engine.images
    .list()
    .filter(test)
    .map((entry) => ({ entry, time: createdAt(entry.image) }))
    .toSorted((left, right) => right.time - left.time)
    .map(({ entry }) => summariseImage(entry, exchange.apiVersion))
    .map((summary) => ({
      ...summary,
      RepoTags: summary.RepoTags.filter((name) => isWanted(filters, name)),
      RepoDigests: summary.RepoDigests.filter((name) => isWanted(filters, name)),
      SharedSize: shared?.get(summary.Id) ?? summary.SharedSize,
      Containers: users === null ? -1 : (users.get(summary.Id) ?? 0),
    }));
  exchange.answer(200, chosen);
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

function imageTest(exchange: Exchange, filters: Filters): (entry: NamedImage) => boolean {
  const dangling = filters.flag("dangling");
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
    return (
      created < before &&
      created > since &&
      created < until &&
      filters.labels("label", entry.image.process.labels) &&
      (dangling === null || (tags.length === 0) === dangling) &&
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
