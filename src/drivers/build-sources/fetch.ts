import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isIPv6, type LookupFunction } from "node:net";
import { DuetError } from "../../kit/errors.ts";
import { reachPlace, unreachable, type ReachedPlace, type ReachRules } from "./reach.ts";

export interface FetchOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly rules: ReachRules;
}

/** An answer after all redirects; its body must be read or `end` called. */
export interface Fetched {
  readonly status: number;
  readonly url: URL;
  header(name: string): string;
  /** The body; given up where nothing comes for a minute. */
  body(): AsyncIterable<Buffer>;
  end(): void;
}

const maximumRedirects = 10;
const redirectStatus = new Set([301, 302, 303, 307, 308]);
const answerMilliseconds = 60_000;
const idleMilliseconds = 60_000;
const maximumHeaderBytes = 64 << 10;

/**
 * GETs a URL. Addresses are checked at every hop, and the connection goes to an address that was checked. Throws
 * `invalid` URL_INVALID, and what reachHost throws.
 */
export async function fetchUrl(
  start: string,
  options: FetchOptions,
  signal: AbortSignal,
): Promise<Fetched> {
  let url = parse(start, null);
  let place: ReachedPlace | null = null;
  for (let hop = 0; hop <= maximumRedirects; hop += 1) {
    place = await reachPlace(url, place, options.rules, signal);
    const isOwn = url.host === parse(start, null).host;
    const message = await get(url, place, isOwn ? options.headers : {}, signal);
    const status = message.statusCode ?? 0;
    if (!redirectStatus.has(status)) return fetchedOf(message, url, signal);
    const location = message.headers.location ?? "";
    message.destroy();
    const next = parse(location, url);
    if (url.protocol === "https:" && next.protocol !== "https:") {
      throw unreachable(url.host, "it leads from https to http");
    }
    url = next;
  }
  throw unreachable(url.host, `it leads elsewhere over ${maximumRedirects} times`);
}

function parse(text: string, base: URL | null): URL {
  if (text.length <= 8_192 && URL.canParse(text, base?.href)) {
    const url = new URL(text, base?.href);
    if (url.protocol === "http:" || url.protocol === "https:") {
      url.hash = "";
      return url;
    }
  }
  throw new DuetError(
    "invalid",
    "URL_INVALID",
    `no URL of http or https: ${JSON.stringify(text.slice(0, 200))}`,
  );
}

async function get(
  url: URL,
  place: ReachedPlace,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  signal.throwIfAborted();
  const secure = url.protocol === "https:";
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const credentials = decodeURIComponent(`${url.username}:${url.password}`);
  const request = (secure ? httpsRequest : httpRequest)({
    method: "GET",
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    headers: { "user-agent": "duet", "accept-encoding": "identity", ...headers },
    ...(credentials === ":" ? {} : { auth: credentials }),
    ...connection(secure, place),
    maxHeaderSize: maximumHeaderBytes,
    signal,
  });
  const timer = setTimeout(
    () => request.destroy(unreachable(url.host, "it does not answer")),
    answerMilliseconds,
  );
  request.on("error", reject);
  request.on("response", resolve);
  request.end();
  try {
    return await promise;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DuetError) throw error;
    throw unreachable(url.host, error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}

/** How a place is connected to: at the addresses that were checked, or by its proxy. */
function connection(
  secure: boolean,
  place: ReachedPlace,
): Pick<RequestOptions, "agent" | "lookup"> {
  if (place.proxy === "") return { agent: false, lookup: checkedLookup(place) };
  const proxyEnv = { HTTP_PROXY: place.proxy, HTTPS_PROXY: place.proxy };
  return { agent: secure ? new HttpsAgent({ proxyEnv }) : new HttpAgent({ proxyEnv }) };
}

/** Nobody is asked again: what a name leads to may have changed since it was checked. */
function checkedLookup(host: ReachedPlace): LookupFunction {
  const found = host.addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
  return (_name, options, callback) => {
    if (options.all === true) callback(null, found);
    else callback(null, found[0]!.address, found[0]!.family);
  };
}

function fetchedOf(message: IncomingMessage, url: URL, signal: AbortSignal): Fetched {
  return {
    status: message.statusCode ?? 0,
    url,
    header: (name) => {
      const value = message.headers[name];
      return Array.isArray(value) ? value.join(", ") : (value ?? "");
    },
    body: () => bodyOf(message, url, signal),
    end: () => void message.destroy(),
  };
}

async function* bodyOf(
  message: IncomingMessage,
  url: URL,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  message.setTimeout(idleMilliseconds, () =>
    message.destroy(unreachable(url.host, "it sends nothing more")),
  );
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) yield chunk;
    if (!message.complete) throw unreachable(url.host, "it ended in the middle");
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DuetError) throw error;
    throw unreachable(url.host, error instanceof Error ? error.message : String(error));
  } finally {
    message.destroy();
  }
}
