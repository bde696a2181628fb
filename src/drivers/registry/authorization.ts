import type { RegistryCredentials } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";
import { TooManyRequests } from "./answers.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import type { Answer } from "./exchange.ts";
import { describeFaults, parseFaults } from "./failures.ts";

const maximumTokenBytes = 1 << 20;
const clientId = "duet";
/** Seconds: what the token specification says where a server names none, and what we believe at most. */
const defaultLifetime = 60;
const longestLifetime = 3_600;
const maximumCached = 1_000;

/** Sends a request to a place that the registry named; the endpoint checks that place. */
export type SendToRealm = (
  url: URL,
  request: { readonly headers: Readonly<Record<string, string>>; readonly form?: string },
) => Promise<Answer>;

interface Cached {
  readonly header: string;
  /** On the monotonic clock, in milliseconds. */
  readonly expiresAt: number;
}

/** Who asks for what: the key under which an Authorization header may be used again. */
export interface Purpose {
  /** `repository:PATH:pull,push`, several separated by spaces, or "" for none. */
  readonly scope: string;
  readonly credentials: RegistryCredentials | null;
}

/** Told the token that stands for a password from now on, where a token server gives one. */
export type TakeIdentityToken = (token: string) => void;

/**
 * The Authorization headers of one registry host: Basic, or Bearer tokens by purpose (distribution's
 * token authentication specification).
 */
export class Authorizations {
  private readonly cached = new Map<string, Cached>();
  private readonly host: string;

  constructor(host: string) {
    this.host = host;
  }

  /** The header to send from the start, where an earlier request got one. */
  known(purpose: Purpose): string | undefined {
    const entry = this.cached.get(keyOf(purpose));
    return entry !== undefined && entry.expiresAt > performance.now() ? entry.header : undefined;
  }

  forget(purpose: Purpose): void {
    this.cached.delete(keyOf(purpose));
  }

  /**
   * Answers a 401's challenge. undefined where nothing can be answered. Throws `denied`
   * REGISTRY_UNAUTHORIZED where the token server refuses the credentials.
   */
  async answer(
    challengeHeader: string,
    purpose: Purpose,
    send: SendToRealm,
    takeIdentity?: TakeIdentityToken,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(challengeHeader);
    const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
    if (bearer !== undefined) return await this.fetchToken(bearer, purpose, send, takeIdentity);
    const basic = challenges.some((challenge) => challenge.scheme === "basic");
    if (!basic || purpose.credentials === null || purpose.credentials.username === "")
      return undefined;
    const header = basicHeader(purpose.credentials);
    this.remember(purpose, header, longestLifetime);
    return header;
  }

  private async fetchToken(
    challenge: Challenge,
    purpose: Purpose,
    send: SendToRealm,
    takeIdentity: TakeIdentityToken | undefined,
  ): Promise<string | undefined> {
    const realm = challenge.parameters.get("realm") ?? "";
    if (!URL.canParse(realm)) {
      throw new DuetError(
        "invalid",
        "REGISTRY_ANSWER",
        `${this.host} names no usable token server`,
        {
          subject: this.host,
        },
      );
    }
    const service = challenge.parameters.get("service") ?? "";
    // A request without a scope of ours, such as a login, takes none: the token is for nothing else.
    const asked = { service, isForLogin: takeIdentity !== undefined };
    const answer = await requestToken(new URL(realm), asked, purpose, send);
    if (answer.status !== 200) throw await this.refused(answer, asked.isForLogin);
    const { token, lifetime, identityToken } = readToken(
      await answer.bytes(maximumTokenBytes),
      this.host,
    );
    if (identityToken !== "") takeIdentity?.(identityToken);
    const header = `Bearer ${token}`;
    this.remember(purpose, header, lifetime);
    return header;
  }

  private async refused(answer: Answer, isForLogin: boolean): Promise<DuetError> {
    const faults = describeFaults(parseFaults(await answer.bytes(maximumTokenBytes)));
    if (answer.status === 429) return new TooManyRequests(answer, faults, this.host);
    const isRefusal = answer.status === 401 || answer.status === 403 || answer.status === 400;
    if (isRefusal) {
      const why = faults === "" ? "incorrect username or password" : faults;
      return new DuetError(
        "denied",
        "REGISTRY_UNAUTHORIZED",
        why.startsWith("unauthorized") ? why : `unauthorized: ${why}`,
        {
          subject: this.host,
          // Docker's client asks for a password on 401, so its daemon answers a login alone like that.
          http: isForLogin ? 401 : 500,
          hint: "run `duet login` for this registry",
        },
      );
    }
    const status = `${answer.status}${faults === "" ? "" : `: ${faults}`}`;
    return new DuetError(
      "unavailable",
      "REGISTRY_FAILED",
      `the token server of ${this.host} answered ${status}`,
      {
        subject: this.host,
      },
    );
  }

  private remember(purpose: Purpose, header: string, lifetime: number): void {
    const oldest = this.cached.keys().next().value;
    if (this.cached.size >= maximumCached && oldest !== undefined) this.cached.delete(oldest);
    // A tenth less, so that no token ends on its way.
    this.cached.set(keyOf(purpose), { header, expiresAt: performance.now() + lifetime * 900 });
  }
}

async function requestToken(
  realm: URL,
  { service, isForLogin }: { readonly service: string; readonly isForLogin: boolean },
  purpose: Purpose,
  send: SendToRealm,
): Promise<Answer> {
  const { credentials, scope } = purpose;
  const scopes = scope === "" ? [] : scope.split(" ");
  if (credentials !== null && credentials.identityToken !== "") {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      refresh_token: credentials.identityToken,
      client_id: clientId,
      service,
    });
    if (scope !== "") form.set("scope", scope);
    if (isForLogin) form.set("access_type", "offline");
    return await send(realm, { headers: {}, form: form.toString() });
  }
  const url = new URL(realm);
  if (service !== "") url.searchParams.set("service", service);
  for (const each of scopes) url.searchParams.append("scope", each);
  if (credentials === null || credentials.username === "") return await send(url, { headers: {} });
  url.searchParams.set("account", credentials.username);
  url.searchParams.set("client_id", clientId);
  if (isForLogin) url.searchParams.set("offline_token", "true");
  return await send(url, { headers: { authorization: basicHeader(credentials) } });
}

function readToken(
  body: Buffer,
  host: string,
): { readonly token: string; readonly lifetime: number; readonly identityToken: string } {
  const refuse = (why: string): DuetError =>
    new DuetError(
      "invalid",
      "REGISTRY_ANSWER",
      `the token server of ${host} answered what is no token: ${why}`,
    );
  const value = parseStrictJson(body, `the token of ${host}`, {
    maximumBytes: maximumTokenBytes,
    maximumDepth: 16,
  });
  const document = new JsonFields(value, "", refuse);
  const token = document.text("token") || document.text("access_token") || "";
  if (!/^[\x21-\x7e]+$/.test(token)) throw refuse("it is empty or no text for a header");
  const told = document.value("expires_in");
  const seconds = typeof told === "number" && Number.isFinite(told) ? told : defaultLifetime;
  const identityToken = document.text("refresh_token") ?? "";
  const lifetime = Math.min(Math.max(seconds, defaultLifetime), longestLifetime);
  return { token, identityToken, lifetime };
}

export function basicHeader(credentials: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

function keyOf({ scope, credentials }: Purpose): string {
  return JSON.stringify([
    scope,
    credentials?.username,
    credentials?.password,
    credentials?.identityToken,
  ]);
}
