import { DuetError } from "../kit/errors.ts";
import { isDigest, type Digest } from "./digest.ts";

/**
 * A parsed image reference (distribution's reference grammar). `tag` is "" where only a digest was
 * given; a reference without both gets `latest`.
 */
export interface Reference {
  /** `docker.io`, `localhost:5000`, ... */
  readonly domain: string;
  /** `library/nginx`. */
  readonly path: string;
  readonly tag: string;
  readonly digest: Digest | null;
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const domainPart = /^(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])$/;
const tagGrammar = /^\w[\w.-]{0,127}$/;
export const defaultDomain = "docker.io";

/** Parses `nginx`, `host:5000/a/b:tag`, `name@sha256:…` and normalises as Docker does. Throws `invalid` REFERENCE_INVALID. */
export function parseReference(text: string): Reference {
  if (text.length === 0 || text.length > 512) throw badReference(text);
  let rest = text;
  let digest: Digest | null = null;
  const at = rest.indexOf("@");
  if (at >= 0) {
    const digestText = rest.slice(at + 1);
    if (!isDigest(digestText)) throw badReference(text);
    digest = digestText;
    rest = rest.slice(0, at);
  }
  let tag = "";
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/")) {
    tag = rest.slice(colon + 1);
    if (!tagGrammar.test(tag)) throw badReference(text);
    rest = rest.slice(0, colon);
  }
  const { domain, path } = splitDomain(rest);
  if (!isDomain(domain) || !isPath(path)) {
    throw isPath(path.toLowerCase()) ? badCase(path) : badReference(text);
  }
  if (tag === "" && digest === null) tag = "latest";
  return { domain, path, tag, digest };
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isRegistry = /[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first;
  if (slash < 0 || !isRegistry)
    return { domain: defaultDomain, path: slash < 0 ? `library/${name}` : name };
  const domain = first === "index.docker.io" ? defaultDomain : first;
  const path = name.slice(slash + 1);
  return {
    domain,
    path: domain === defaultDomain && !path.includes("/") ? `library/${path}` : path,
  };
}

function isDomain(domain: string): boolean {
  const match = /^(.+?)(?::(\d{1,5}))?$/.exec(domain);
  const host = match?.[1] ?? "";
  if (/^\[[0-9a-fA-F:]+\]$/.test(host)) return true;
  return host.split(".").every((part) => domainPart.test(part));
}

function isPath(path: string): boolean {
  return path.split("/").every((part) => component.test(part));
}

const grammarHint = "write [registry/]name[:tag][@sha256:digest], the name in lower case";

function badCase(path: string): DuetError {
  const message = `invalid reference format: repository name (${path.slice(0, 200)}) must be lowercase`;
  return new DuetError("invalid", "REFERENCE_INVALID", message, { hint: grammarHint });
}

function badReference(text: string): DuetError {
  return new DuetError("invalid", "REFERENCE_INVALID", "invalid reference format", {
    subject: `reference ${JSON.stringify(text.slice(0, 200))}`,
    hint: grammarHint,
  });
}

/** Whether the text is a repository's name alone, without a tag or digest. */
export function isBareName(text: string): boolean {
  return !/[:@]/.test(text.slice(text.lastIndexOf("/") + 1));
}

/** The same repository under another tag or digest. Throws `invalid` REFERENCE_INVALID. */
export function withTag(reference: Reference, tag: string): Reference {
  if (isDigest(tag)) return { ...reference, tag: "", digest: tag };
  if (tagGrammar.test(tag)) return { ...reference, tag };
  throw new DuetError("invalid", "REFERENCE_INVALID", "invalid tag format", { hint: grammarHint });
}

/** Throws `invalid` REFERENCE_INVALID for names that read as an image's id, which no image may be given. */
export function refuseAmbiguous({ domain, path }: Reference): void {
  if (domain !== defaultDomain || path !== "library/sha256") return;
  const message = "refusing to create an ambiguous tag using digest algorithm as name";
  throw new DuetError("invalid", "REFERENCE_INVALID", message);
}

/** The canonical text, the key under which a name is stored: `docker.io/library/nginx:latest`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === "" ? "" : `:${reference.tag}`;
  const digest = reference.digest === null ? "" : `@${reference.digest}`;
  return `${reference.domain}/${reference.path}${tag}${digest}`;
}

/** What Docker shows: `nginx:latest`, `user/app:1`, `localhost:5000/app:1`. */
export function familiarReference(reference: Reference): string {
  const full = formatReference(reference);
  if (full.startsWith(`${defaultDomain}/library/`))
    return full.slice(`${defaultDomain}/library/`.length);
  return full.startsWith(`${defaultDomain}/`) ? full.slice(defaultDomain.length + 1) : full;
}
