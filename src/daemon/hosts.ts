import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { DuetError } from "../kit/errors.ts";
import type { TcpAddress, TlsIdentity } from "../servers/docker/tls-listener.ts";

/** Where the API is served. */
export interface Hosts {
  /** Path of the unix socket. */
  readonly socket: string;
  /** Addresses that are served over TLS. */
  readonly tcp: readonly TcpAddress[];
}

/** Paths of PEM files. */
export interface TlsFiles {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** IANA's port of Docker's API over TLS. */
const tlsPort = 2376;

/**
 * Sorts `unix:///path`, a path and `tcp://[address][:port]`; without a unix socket it is
 * `defaultSocket`. Throws `denied` TCP_REFUSED for TCP without `verifiesClients`, on loopback too:
 * every local user, and every page in a browser there, reaches that; `invalid` CONFIG_INVALID.
 */
export function sortHosts(
  hosts: readonly string[],
  defaultSocket: string,
  verifiesClients: boolean,
): Hosts {
  const sockets: string[] = [];
  const tcp: TcpAddress[] = [];
  for (const host of hosts) {
    if (/^(tcp|https?):/.test(host)) {
      if (!verifiesClients) throw refused(host);
      tcp.push(tcpAddress(host));
    } else {
      sockets.push(socketPath(host));
    }
  }
  if (sockets.length > 1) {
    throw invalid(`the API has one unix socket, and ${sockets.length} are named`);
  }
  return { socket: sockets[0] ?? resolve(defaultSocket), tcp };
}

function refused(host: string): DuetError {
  return new DuetError(
    "denied",
    "TCP_REFUSED",
    `refusing to serve the API on ${host}: TCP without TLS that checks clients gives root to anyone who reaches it`,
    {
      hint: "make certificates with `duet certs create` and add --tlsverify; or use the unix socket, from other machines over ssh",
    },
  );
}

function socketPath(host: string): string {
  const scheme = /^([a-z]+):\/\//.exec(host)?.[1];
  if (scheme !== undefined && scheme !== "unix") {
    throw invalid(`cannot serve the API on ${host}: hosts are unix:///path and tcp://address:port`);
  }
  return resolve(host.replace(/^unix:\/\//, ""));
}

function tcpAddress(host: string): TcpAddress {
  const match = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^:/[\]]*)(?::(\d{1,5}))?\/?$/.exec(host);
  const port = Number(match?.[2] ?? tlsPort);
  if (match === null || port < 1 || port > 65_535) {
    throw invalid(`cannot serve the API on ${host}: write tcp://address:port`);
  }
  return { host: match[1]!.replace(/^\[|\]$/g, "") || "127.0.0.1", port };
}

/** Reads what TLS needs. Throws `invalid` CONFIG_INVALID naming the file that cannot be read. */
export async function readIdentity(files: TlsFiles): Promise<TlsIdentity> {
  const read = async (path: string): Promise<string> => {
    try {
      return await readFile(path, "utf8");
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new DuetError("invalid", "CONFIG_INVALID", `cannot read ${path} for TLS: ${message}`, {
        cause,
        hint: "make certificates with `duet certs create`",
      });
    }
  };
  return {
    authority: await read(files.authority),
    certificate: await read(files.certificate),
    key: await read(files.key),
  };
}

function invalid(message: string): DuetError {
  return new DuetError("invalid", "CONFIG_INVALID", message);
}
