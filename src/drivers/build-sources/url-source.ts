import type { FetchedFile, UrlRequest } from "../../domain/build/sources.ts";
import { DuetError } from "../../kit/errors.ts";
import { fetchUrl, type Fetched } from "./fetch.ts";
import { unreachable, type ReachRules } from "./reach.ts";
import type { KeptFile, UrlCache } from "./url-cache.ts";

const largestFile = 32 * 2 ** 30;

/** Fetches a file, or takes the one that is kept where the server says that nothing has changed. */
export async function fetchFile(
  cache: UrlCache,
  source: UrlRequest,
  rules: ReachRules,
  signal: AbortSignal,
): Promise<FetchedFile> {
  const known = await cache.get(source.url);
  if (known !== undefined && known.digest === source.checksum) return fileOf(cache, known);
  const fetched = await fetchUrl(source.url, { headers: conditions(known), rules }, signal);
  const kept = await keptOf(cache, source, fetched, known);
  if (source.checksum !== null && kept.digest !== source.checksum) {
    throw new DuetError(
      "invalid",
      "CHECKSUM_MISMATCH",
      `digest mismatch for ${source.url}: ${kept.digest} (expected: ${source.checksum})`,
    );
  }
  return fileOf(cache, kept);
}

async function keptOf(
  cache: UrlCache,
  source: UrlRequest,
  fetched: Fetched,
  known: KeptFile | undefined,
): Promise<KeptFile> {
  if (fetched.status === 304 && known !== undefined) {
    fetched.end();
    return known;
  }
  if (fetched.status !== 200) {
    fetched.end();
    throw refused(source.url, fetched.status);
  }
  const lastModified = fetched.header("last-modified").slice(0, 100);
  const time = Date.parse(lastModified);
  return await cache.put(
    {
      url: source.url,
      name: nameOf(fetched),
      modifiedAt: Number.isNaN(time) ? 0 : time,
      mediaType: fetched.header("content-type").slice(0, 200),
      etag: fetched.header("etag").slice(0, 1_000),
      lastModified,
    },
    fetched.body(),
    largestFile,
  );
}

function conditions(known: KeptFile | undefined): Readonly<Record<string, string>> {
  if (known === undefined) return {};
  if (known.etag !== "") return { "if-none-match": known.etag };
  return known.lastModified === "" ? {} : { "if-modified-since": known.lastModified };
}

function refused(url: string, status: number): DuetError {
  if (status >= 500 || status === 429) return unreachable(url, `it answers with status ${status}`);
  return new DuetError(
    "not-found",
    "SOURCE_NOT_FOUND",
    `invalid response status ${status} for ${url}`,
  );
}

/** What the server calls it, else the URL's last component; never a path. */
function nameOf(fetched: Fetched): string {
  const disposition = /filename="?([^";]{1,255})"?/i.exec(fetched.header("content-disposition"));
  let path = fetched.url.pathname;
  try {
    path = decodeURIComponent(path);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
  }
  const given = (disposition?.[1] ?? path.slice(path.lastIndexOf("/") + 1)).trim();
  const isPlain =
    given !== "" && given !== "." && given !== ".." && !/[/\0]/.test(given) && given.length < 256;
  return isPlain ? given : "download";
}

function fileOf(cache: UrlCache, kept: KeptFile): FetchedFile {
  const release = cache.hold(kept.digest);
  const { name, digest, size, modifiedAt, mediaType } = kept;
  return {
    ...{ name, digest, size, modifiedAt, mediaType },
    content: () => cache.content(digest),
    [Symbol.asyncDispose]: release,
  };
}
