import type { IncomingHttpHeaders } from "node:http";
import { DuetError } from "../../kit/errors.ts";

/**
 * Keeps browsers out. A page of another site can make a browser send requests, and DNS rebinding can
 * make them look like our own; a socket that is relayed to TCP would take them. Docker clients send
 * no Origin, and a Host that no DNS server could have been asked for. Over TLS any Host will do: a
 * browser compares it with the certificate.
 */
export function checkSource(
  headers: IncomingHttpHeaders,
  allowedHosts: ReadonlySet<string>,
  isEncrypted = false,
): void {
  const host = headers.host ?? "";
  if (!isEncrypted && !isLocalName(host) && !allowedHosts.has(withoutPort(host))) {
    throw new DuetError("denied", "HOST_NOT_ALLOWED", `this server is not ${quoted(host)}`, {
      http: 421,
      hint: "name the host in allowedHosts of the daemon's configuration",
    });
  }
  const origin = headers.origin;
  if (origin !== undefined && !isSameOrigin(origin, host)) {
    throw denied(`requests of web pages from ${quoted(origin)} are not accepted`);
  }
  const site = headers["sec-fetch-site"];
  if (site === "cross-site" || site === "same-site") {
    throw denied("requests of other sites' web pages are not accepted");
  }
}

/** Types that a web page may send anywhere without asking first. */
const simpleTypes = new Set([
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
]);

/** Docker's CheckForJSON for a body that is not empty. */
export function checkJsonType(contentType: string | undefined): void {
  const type = (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
  if (type === "application/json") return;
  const message = `unsupported Content-Type header (${type.slice(0, 80)}): must be 'application/json'`;
  if (simpleTypes.has(type)) throw denied(message);
  throw new DuetError("invalid", "CONTENT_TYPE", message);
}

function denied(message: string): DuetError {
  return new DuetError("denied", "SOURCE_NOT_ALLOWED", message, {
    hint: "use a Docker client, or send application/json without an Origin header",
  });
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function withoutPort(host: string): string {
  return host.replace(/:\d{1,5}$/, "").toLowerCase();
}

/** What Docker's clients say over ssh; nobody can own a name below example.com (RFC 6761). */
const sshHost = "docker.example.com";

/** Names without a dot cannot be registered; clients on a unix socket also send its path, escaped. */
function isLocalName(host: string): boolean {
  const name = withoutPort(host);
  return (
    /^[a-z0-9_-]*$/.test(name) ||
    name === sshHost ||
    name.endsWith(".localhost") ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) ||
    name === "[::1]" ||
    name.startsWith("%2f") ||
    name.startsWith("/")
  );
}

function isSameOrigin(origin: string, host: string): boolean {
  return host !== "" && (origin === `http://${host}` || origin === `https://${host}`);
}
