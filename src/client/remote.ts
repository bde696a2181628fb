import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { Duplex, Readable, type Writable } from "node:stream";
import { connect, type ConnectionOptions } from "node:tls";
import { DuetError } from "../kit/errors.ts";
import type { Connection } from "./connection.ts";
import type { CertificateFiles, Endpoint } from "./endpoint.ts";

const handshakeMilliseconds = 30_000;

/** Connects to a daemon on another machine. Throws `unavailable` and `denied` with what to do. */
export async function dialRemote(
  endpoint: Exclude<Endpoint, { kind: "unix" }>,
): Promise<Connection> {
  return endpoint.kind === "ssh" ? dialSsh(endpoint) : await dialTls(endpoint);
}

async function dialTls(endpoint: Extract<Endpoint, { kind: "tls" }>): Promise<Connection> {
  const { host, port, files } = endpoint;
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  const options: ConnectionOptions & { allowHalfOpen: boolean } = {
    host,
    port,
    ...(await readFiles(files)),
    minVersion: "TLSv1.2",
    allowHalfOpen: true,
  };
  const socket = connect(options);
  socket.setTimeout(handshakeMilliseconds, () => {
    socket.destroy(unreachable(`${host}:${port}`, "no answer in time"));
  });
  socket.once("secureConnect", () => {
    socket.setTimeout(0);
    resolve(socket);
  });
  const fail = (error: Error): void => {
    reject(
      error instanceof DuetError ? error : unreachable(`${host}:${port}`, error.message, error),
    );
  };
  socket.once("error", fail);
  try {
    return await promise;
  } finally {
    socket.off("error", fail);
  }
}

async function readFiles(
  files: CertificateFiles,
): Promise<{ ca: string; cert: string; key: string }> {
  try {
    const [ca, cert, key] = await Promise.all([
      readFile(files.authority, "utf8"),
      readFile(files.certificate, "utf8"),
      readFile(files.key, "utf8"),
    ]);
    return { ca, cert, key };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DuetError("invalid", "NO_CLIENT_CERTIFICATE", `cannot speak TLS · ${message}`, {
      cause,
      hint: "get ca.pem, cert.pem and key.pem from the daemon's `duet certs client` and name their folder in DUET_CERT_PATH",
    });
  }
}

/** `duet system dial-stdio` over there joins its standard streams and the daemon's socket. */
function dialSsh(endpoint: Extract<Endpoint, { kind: "ssh" }>): Connection {
  const { host, user, port, socket } = endpoint;
  const options = [
    ...["-o", "ConnectTimeout=30", "-T"],
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", port]),
  ];
  const command = [
    "duet",
    ...(socket === undefined ? [] : ["--host", `unix://${socket}`]),
    ...["system", "dial-stdio"],
  ];
  const child = spawn("ssh", [...options, "--", host, ...command], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const streams = [child.stdin as Socket, child.stdout as Socket];
  const readable = Readable.from(untilExit(child, host), { objectMode: false });
  const connection = Object.assign(Duplex.from({ readable, writable: child.stdin }), {
    ref: () => streams.forEach((stream) => stream.ref()),
    unref: () => streams.forEach((stream) => stream.unref()),
  });
  child.unref();
  child.once("error", (error) => connection.destroy(unreachable(host, `ssh: ${error.message}`)));
  return connection;
}

/** What ssh gives. Its output ends before it tells why, so an end is only one once it ended well. */
async function* untilExit(
  child: ChildProcessByStdio<Writable, Readable, null>,
  host: string,
): AsyncGenerator<Buffer, void, void> {
  const ended = once(child, "exit");
  ended.catch(() => undefined);
  yield* child.stdout as AsyncIterable<Buffer>;
  child.ref();
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw unreachable(host, `ssh ended with exit code ${code ?? "none"}`);
}

function unreachable(host: string, why: string, cause?: Error): DuetError {
  return new DuetError(
    "unavailable",
    "DAEMON_UNREACHABLE",
    `cannot reach the Duet daemon · ${why} · ${host}`,
    { ...(cause === undefined ? {} : { cause }), hint: "see docs/remote.md on TLS and ssh" },
  );
}
