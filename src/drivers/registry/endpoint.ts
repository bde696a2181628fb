import type { RegistryCredentials } from "../../domain/registry.ts";
import { never, race } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { Authorizations, type Purpose, type TakeIdentityToken } from "./authorization.ts";
import { exchange, type Answer, type Exchange } from "./exchange.ts";
import { isPlainServerError } from "./failures.ts";
import type { RegistryConfig, RegistryPatience } from "./registry-config.ts";
import { withRetries } from "./retry.ts";
import { Trust } from "./trust.ts";

const maximumRedirects = 8;
const redirectStatus = new Set([301, 302, 303, 307, 308]);
const userAgent = "duet/0.1.0";

/** A request to the registry's own API, or to a URL that it gave for this purpose. */
export interface EndpointRequest {
  readonly method: Exchange["method"];
  /** Path from `/v2/` on with its query, or a whole URL. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Gives the body, once for each try. */
  readonly body?: () => Promise<Uint8Array | AsyncIterable<Uint8Array>>;
  readonly scope: string;
  readonly credentials: RegistryCredentials | null;
  readonly signal: AbortSignal;
  /** Where given, the credentials are checked anew, and a token server is asked for an identity token. */
  readonly takeIdentity?: TakeIdentityToken;
}

/** One registry host: reaches it, authenticates, follows its redirects, repeats what failed in passing. */
export class Endpoint {
  readonly host: string;
  private readonly trust: Trust;
  private readonly patience: RegistryPatience;
  private readonly log: Log;
  private readonly authorizations: Authorizations;
  private readonly path: string;
  private found: Promise<URL> | undefined;

  /** `host` is `host[:port]`; `path` goes before `/v2/`, for mirrors below one. */
  constructor(
    host: string,
    path: string,
    config: RegistryConfig,
    patience: RegistryPatience,
    log: Log,
  ) {
    this.host = host;
    this.path = path.replace(/\/+$/, "");
    this.trust = new Trust(host, config);
    this.patience = patience;
    this.log = log;
    this.authorizations = new Authorizations(host);
  }

  /** The answer, whatever its status; a 401 is answered once with what the credentials give. */
  async send(request: EndpointRequest): Promise<Answer> {
    const base = await this.base(request.signal);
    const url =
      request.target instanceof URL
        ? request.target
        : new URL(`${base.origin}${this.path}${request.target}`);
    if (request.target instanceof URL) this.trust.check(url, base);
    const purpose: Purpose = { scope: request.scope, credentials: request.credentials };
    if (request.takeIdentity !== undefined) this.authorizations.forget(purpose);
    const first = await this.attempt(request, url, this.authorizations.known(purpose));
    if (first.status !== 401 || !this.trust.isOwn(first.url)) return first;
    this.authorizations.forget(purpose);
    const challenge = first.header("www-authenticate") ?? "";
    const header = await this.authorize(challenge, purpose, first.url, request);
    if (header === undefined) return first;
    await first.discard();
    return await this.attempt(request, url, header);
  }

  private async attempt(
    request: EndpointRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<Answer> {
    const once = (): Promise<Answer> => this.follow(request, url, authorization);
    // After a broken PATCH nobody knows how much the registry took: the whole upload starts anew.
    if (request.method === "PATCH") return await once();
    return await withRetries(this.patience, request.signal, once);
  }

  /** Redirects are followed for reading only; the credentials stay with the host that they are for. */
  private async follow(
    request: EndpointRequest,
    start: URL,
    authorization: string | undefined,
  ): Promise<Answer> {
    let url = start;
    for (let hop = 0; hop <= maximumRedirects; hop += 1) {
      const own = this.trust.isOwn(url) && url.protocol === start.protocol;
      const answer = await this.exchange(url, request, {
        ...request.headers,
        ...(own && authorization !== undefined ? { authorization } : {}),
      });
      const isReading = request.method === "GET" || request.method === "HEAD";
      if (!isReading || !redirectStatus.has(answer.status)) return answer;
      const location = answer.header("location") ?? "";
      await answer.discard();
      if (!URL.canParse(location, url.href)) throw this.badRedirect("without a usable location");
      const next = new URL(location, url);
      next.hash = "";
      this.trust.check(next, url);
      url = next;
    }
    throw this.badRedirect(`over ${maximumRedirects} times`);
  }

  private async authorize(
    challenge: string,
    purpose: Purpose,
    from: URL,
    { signal, takeIdentity }: Pick<EndpointRequest, "signal" | "takeIdentity">,
  ): Promise<string | undefined> {
    return await this.authorizations.answer(
      challenge,
      purpose,
      async (realm, { headers, form }) => {
        this.trust.check(realm, from);
        return await withRetries(this.patience, signal, () =>
          this.exchange(
            realm,
            {
              method: form === undefined ? "GET" : "POST",
              signal,
              ...(form === undefined ? {} : { body: async () => Buffer.from(form) }),
            },
            form === undefined
              ? headers
              : { ...headers, "content-type": "application/x-www-form-urlencoded" },
          ),
        );
      },
      takeIdentity,
    );
  }

  private async exchange(
    url: URL,
    request: Pick<EndpointRequest, "method" | "signal" | "body">,
    headers: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const body = await request.body?.();
    return await exchange({
      method: request.method,
      url,
      headers: {
        "user-agent": userAgent,
        "accept-encoding": "identity",
        ...(body instanceof Uint8Array ? { "content-length": String(body.length) } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
      agent: this.trust.agent(url),
      lookup: this.trust.lookupFor(url),
      isProxied: this.trust.proxy(url) !== "",
      patience: this.patience,
      signal: request.signal,
    });
  }

  /**
   * Where the registry is. TLS alone, but for hosts that are configured as insecure (and
   * localhost): there TLS is tried first and plain HTTP where the other side does not speak it.
   */
  private async base(signal: AbortSignal): Promise<URL> {
    this.found ??= this.probe().catch((error: unknown) => {
      this.found = undefined;
      throw error;
    });
    return await race(this.found, signal);
  }

  /** Not cut short by one caller's signal: others may be waiting for it, and it ends by itself. */
  private async probe(): Promise<URL> {
    const secure = new URL(`https://${this.host}`);
    if (!this.trust.isInsecure) return secure;
    try {
      await this.ping(secure);
      return secure;
    } catch (error) {
      if (!isPlainServerError(error instanceof DuetError ? error.cause : error)) throw error;
    }
    const plain = new URL(`http://${this.host}`);
    await this.ping(plain);
    this.log.debug("registry-without-tls", { host: this.host });
    return plain;
  }

  private async ping(base: URL): Promise<void> {
    const ping = { method: "GET", signal: never } as const;
    const answer = await this.exchange(new URL(`${this.path}/v2/`, base), ping, {});
    await answer.discard();
  }

  private badRedirect(how: string): DuetError {
    return new DuetError(
      "invalid",
      "REGISTRY_REDIRECT",
      `the registry ${this.host} redirects ${how}`,
      {
        subject: this.host,
      },
    );
  }
}
