import type { SearchResult } from "../../../spec/docker/image.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { registryAuth } from "../registry-auth.ts";

const defaultLimit = 25;
const largestLimit = 100;

/** `GET /images/search`: asks Docker Hub, or the registry that the term begins with. */
export async function searchImages(exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const limit = query.integer("limit") || defaultLimit;
  if (limit < 1 || limit > largestLimit) {
    throw invalid(`limit ${limit} is outside the range of [1, ${largestLimit}]`);
  }
  const term = query.text("term");
  if (term.includes("://")) {
    throw invalid(`invalid repository name: ${term.slice(0, 80)} (contains scheme)`);
  }
  const filters = query.filters();
  const isOfficial = filters.flag("is-official");
  const least = Math.max(0, ...filters.get("stars").map(starCount));
  if (filters.flag("is-automated") === true) return exchange.answer(200, []);
  const auth = registryAuth(exchange.headers["x-registry-auth"]);
  const found = await exchange.engine.images.search(term, limit, auth, exchange.signal);
  const answer = found
    .filter((one) => one.stars >= least && (isOfficial === null || one.isOfficial === isOfficial))
    .map((one): SearchResult => ({
      star_count: one.stars,
      is_official: one.isOfficial,
      name: one.name,
      is_automated: false,
      description: one.description,
    }));
  exchange.answer(200, answer);
}

function starCount(text: string): number {
  if (/^[+-]?\d{1,9}$/.test(text)) return Number(text);
  const shown = text.slice(0, 80);
  throw invalid(
    `invalid filter 'stars=${shown}': strconv.Atoi: parsing ${JSON.stringify(shown)}: invalid syntax`,
  );
}
