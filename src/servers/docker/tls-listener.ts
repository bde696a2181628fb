import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  createSecureContext,
  createServer,
  type Server as TlsServer,
  type TLSSocket,
} from "node:tls";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import { headTimeout, maximumConnections } from "./limits.ts";

/** PEM texts of the server's certificate, its key, and the authority that signs clients' certificates. */
export interface TlsIdentity {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

export interface TcpAddress {
  /** Address or name to listen on. */
  readonly host: string;
  readonly port: number;
}

/** Ports where TLS is spoken, with clients that have a certificate of `authority` only. */
export interface TlsPorts {
  readonly numbers: readonly number[];
  /** New connections get this identity. Throws `invalid` TLS_IDENTITY. */
  renew(identity: TlsIdentity): void;
  /** Takes no more connections. */
  close(): void;
}

/** RFC 5280 4.2.1.12. */
const clientAuthentication = "1.3.6.1.5.5.7.3.2";
const oldest = "TLSv1.2";

/**
 * Gives `server` the connections of clients that proved who they are. OpenSSL also takes certificates
 * that do not say what they are for; here a client's must say that it is one. No callback chooses a
 * certificate or protocol: what a client's first message says runs no code of ours.
 * Throws `invalid` TLS_IDENTITY, `conflict` PORT_IN_USE, `unavailable` LISTEN_FAILED.
 */
export async function listenTls(
  server: Server,
  addresses: readonly TcpAddress[],
  identity: TlsIdentity,
  log: Log,
): Promise<TlsPorts> {
  checkIdentity(identity);
  const ports: TlsServer[] = [];
  const close = (): void => {
    for (const port of ports) port.close();
  };
  try {
    for (const address of addresses) {
      const port = createTlsServer(server, identity, log);
      await listenOn(port, address);
      ports.push(port);
    }
  } catch (error) {
    close();
    throw error;
  }
  const renew = (next: TlsIdentity): void => {
    checkIdentity(next);
    for (const port of ports) port.setSecureContext({ ...contextOf(next), minVersion: oldest });
  };
  const numbers = ports.map((port) => (port.address() as AddressInfo).port);
  return { numbers, renew, close };
}

function createTlsServer(server: Server, identity: TlsIdentity, log: Log): TlsServer {
  const tls = createServer({
    ...contextOf(identity),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: oldest,
    handshakeTimeout: headTimeout,
    allowHalfOpen: true,
  });
  tls.maxConnections = maximumConnections;
  tls.on("secureConnection", (socket: TLSSocket) => {
    socket.on("error", () => undefined);
    if (isClient(socket)) server.emit("connection", socket);
    else {
      log.info("client-refused", { from: socket.remoteAddress, why: "no certificate of a client" });
      socket.destroy();
    }
  });
  tls.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    log.info("client-refused", { from: socket.remoteAddress, why: error.code ?? error.message });
    socket.destroy();
  });
  tls.on("drop", () => log.warn("connection-refused", { maximumConnections }));
  return tls;
}

function contextOf({ authority, certificate, key }: TlsIdentity) {
  return { ca: authority, cert: certificate, key };
}

function checkIdentity(identity: TlsIdentity): void {
  try {
    createSecureContext({ ...contextOf(identity), minVersion: oldest });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DuetError(
      "invalid",
      "TLS_IDENTITY",
      `cannot use the certificates for TLS: ${message}`,
      {
        cause,
        hint: "make a set with `duet certs create`",
      },
    );
  }
}

/** A certificate is there and the authority vouches for it once `secureConnection` is told. */
function isClient(socket: TLSSocket): boolean {
  const { ext_key_usage: usages } = socket.getPeerCertificate();
  return socket.authorized && usages !== undefined && usages.includes(clientAuthentication);
}

async function listenOn(tls: TlsServer, { host, port }: TcpAddress): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  tls.once("listening", resolve).once("error", reject);
  tls.listen({ host, port });
  try {
    await promise;
  } catch (cause) {
    const taken = errnoOf(cause) === "EADDRINUSE";
    throw new DuetError(
      taken ? "conflict" : "unavailable",
      taken ? "PORT_IN_USE" : "LISTEN_FAILED",
      `cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  } finally {
    tls.off("listening", resolve).off("error", reject);
  }
}
