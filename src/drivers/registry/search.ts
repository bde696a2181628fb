import type { FoundRepository, RegistryCredentials } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";
import { searchHost } from "./docker-hub.ts";
import type { Endpoint } from "./endpoint.ts";
import { printable } from "./failures.ts";

const maximumAnswerBytes = 4 << 20;

/** The host that a search term asks, and what is left to search for; a first part with a dot or colon is a host. */
export function searchedIndex(term: string): { readonly host: string; readonly words: string } {
  const slash = term.indexOf("/");
  const first = slash < 0 ? "" : term.slice(0, slash);
  const isHost = /^[a-zA-Z0-9[\].:-]+$/.test(first) && /[.:]|^localhost$/.test(first);
  const words = isHost ? term.slice(slash + 1) : term;
  return isHost && first !== "docker.io" && first !== searchHost
    ? { host: first, words }
    : { host: searchHost, words: words.replace(/^library\//, "") };
}

/** Asks a registry's search (`/v1/search`, of Docker's first registry protocol; Docker Hub still serves it). */
export async function searchRepositories(
  endpoint: Endpoint,
  words: string,
  limit: number,
  credentials: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<readonly FoundRepository[]> {
  const query = new URLSearchParams({ q: words, n: String(limit) });
  const answer = await endpoint.send({
    method: "GET",
    target: `/v1/search?${query.toString()}`,
    scope: "",
    credentials,
    signal,
  });
  const body = await answer.bytes(maximumAnswerBytes);
  if (answer.status !== 200) {
    throw new DuetError(
      "unavailable",
      "REGISTRY_SEARCH",
      `Unexpected status code ${answer.status}`,
      { subject: endpoint.host, http: 500, hint: `${endpoint.host} may have no search` },
    );
  }
  const document = new JsonFields(
    parseStrictJson(body, "the search's answer", { maximumBytes: maximumAnswerBytes }),
    "",
    (why) =>
      new DuetError("invalid", "REGISTRY_ANSWER", `the search's answer is not valid: ${why}`),
  );
  return (document.objects("results") ?? []).slice(0, limit).map((found) => ({
    name: printable(found.text("name") ?? ""),
    description: printable(found.text("description") ?? ""),
    stars: found.count("star_count") ?? 0,
    isOfficial: found.flag("is_official") ?? false,
  }));
}
