import type { Reference } from "../../domain/reference.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Answer } from "./exchange.ts";

/** Pages of a list that are read; each may have thousands of entries. */
const mostPages = 16;

/** Asks for a list of a repository page by page; each answer must be read before the next is asked for. */
export async function* pagesOf(
  endpoint: Endpoint,
  reference: Reference,
  start: string,
  headers: Readonly<Record<string, string>>,
  credentials: RegistryCredentials | null,
  signal: AbortSignal,
): AsyncGenerator<Answer, void, void> {
  let target: string | URL | undefined = `/v2/${reference.path}/${start}`;
  const scope = `repository:${reference.path}:pull`;
  for (let page = 0; page < mostPages && target !== undefined; page += 1) {
    const answer = await endpoint.send({
      method: "GET",
      ...{ target, headers, scope, credentials, signal },
    });
    yield answer;
    target = nextPage(answer);
  }
}

/** `Link: <…>; rel="next"` (RFC 8288), against the page that it came with. */
function nextPage(answer: Answer): URL | undefined {
  const match = /<([^<>\s]{1,2000})>\s*;\s*rel="?next"?/.exec(answer.header("link") ?? "");
  const target = match?.[1];
  return target !== undefined && URL.canParse(target, answer.url.href)
    ? new URL(target, answer.url)
    : undefined;
}
