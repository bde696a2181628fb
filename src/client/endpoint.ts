import { homedir } from "node:os";
import { join } from "node:path";
import { DuetError } from "../kit/errors.ts";

/** PEM files with which a client proves who it is and knows the daemon. */
export interface CertificateFiles {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** How a daemon is reached. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string }
  | {
      readonly kind: "tls";
      readonly host: string;
      readonly port: number;
      readonly files: CertificateFiles;
    }
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly user: string | undefined;
      readonly port: string | undefined;
      /** The daemon's socket over there; its own default where absent. */
      readonly socket: string | undefined;
    };

export interface CertificateSources {
  readonly authority?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const defaultTlsPort = 2376;

/**
 * Reads `unix:///path`, an absolute path, `tcp://host[:port]` (TLS, always) or
 * `ssh://[user@]host[:port][/path/of/socket]`. Throws `invalid` HOST_UNKNOWN_KIND.
 */
export function endpointOf(host: string, certificates: CertificateSources): Endpoint {
  if (host.startsWith("tcp://")) return tlsEndpoint(host, certificates);
  if (host.startsWith("ssh://")) return sshEndpoint(host);
  const path = host.startsWith("unix://") ? host.slice("unix://".length) : host;
  if (path.startsWith("/") && !path.includes("\0")) return { kind: "unix", path };
  throw unknownKind(host);
}

function unknownKind(host: string): DuetError {
  return new DuetError(
    "invalid",
    "HOST_UNKNOWN_KIND",
    `cannot use the host "${host}" · it is no socket, TLS or ssh address`,
    { hint: "write unix:///path/to/docker.sock, tcp://name:2376 or ssh://user@name" },
  );
}

function tlsEndpoint(host: string, sources: CertificateSources): Endpoint {
  const match = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?\/?$/.exec(host);
  if (match === null) throw unknownKind(host);
  const { env } = sources;
  const folder = env["DUET_CERT_PATH"] ?? env["DOCKER_CERT_PATH"] ?? join(homedir(), ".docker");
  return {
    kind: "tls",
    host: match[1]!.replace(/^\[|\]$/g, ""),
    port: Number(match[2] ?? defaultTlsPort),
    files: {
      authority: sources.authority ?? join(folder, "ca.pem"),
      certificate: sources.certificate ?? join(folder, "cert.pem"),
      key: sources.key ?? join(folder, "key.pem"),
    },
  };
}

/** The parts become arguments of ssh, and the path one of a command in a shell over there. */
function sshEndpoint(host: string): Endpoint {
  const match =
    /^ssh:\/\/(?:([A-Za-z0-9_.][A-Za-z0-9_.-]*)@)?([A-Za-z0-9_.][A-Za-z0-9_.-]*|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?(\/[A-Za-z0-9_./-]*)?$/.exec(
      host,
    );
  if (match === null) throw unknownKind(host);
  const [, user, name, port, path] = match;
  const socket = path === undefined || path === "/" ? undefined : path;
  return { kind: "ssh", host: name!.replace(/^\[|\]$/g, ""), user, port, socket };
}
