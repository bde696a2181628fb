import { createSocket } from "node:dgram";
import { randomInt } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createConnection, isIP } from "node:net";
import { race } from "../../../kit/abort.ts";
import { answers, isTruncated, type Question } from "./message.ts";

/** Milliseconds that one server has for its answer. */
const attemptMilliseconds = 2_000;
const mostInFlight = 256;
const mostServers = 3;
const largestMessage = 65_535;

/**
 * Asks the host's own resolvers, those of its resolv.conf, read again when it changes. A stub on
 * the loopback address (systemd-resolved, dnsmasq) serves as any other, because this process is on
 * the host's network.
 */
export class Forwarder {
  private readonly path: string;
  /** Our own servers, which must never be asked: that would go round in circles. */
  private readonly isOwn: (address: string) => boolean;
  private inFlight = 0;
  private servers: readonly string[] = [];
  private stamp = "";

  constructor(path: string, isOwn: (address: string) => boolean) {
    this.path = path;
    this.isOwn = isOwn;
  }

  /**
   * The answer of the first server that gives one, under the query's id; undefined when none does.
   * `servers` are asked instead of the host's where there are any.
   */
  async ask(
    query: Buffer,
    question: Question,
    overTcp: boolean,
    servers: readonly string[],
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    if (this.inFlight >= mostInFlight) return undefined;
    this.inFlight += 1;
    try {
      const asked = servers.length > 0 ? servers.slice(0, mostServers) : this.current();
      for (const server of asked.filter((each) => !this.isOwn(each))) {
        const answer = await this.askOne(server, query, question, overTcp, signal);
        if (answer !== undefined) return answer;
      }
      return undefined;
    } finally {
      this.inFlight -= 1;
    }
  }

  private async askOne(
    server: string,
    query: Buffer,
    question: Question,
    overTcp: boolean,
    signal: AbortSignal,
  ): Promise<Buffer | undefined> {
    const id = randomInt(0x10000);
    const sent = Buffer.from(query);
    sent.writeUInt16BE(id, 0);
    const accept = (response: Buffer): boolean => answers(response, id, question.section);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(attemptMilliseconds)]);
    let answer = await overUdp(server, sent, accept, deadline);
    if (answer !== undefined && overTcp && isTruncated(answer)) {
      answer = await viaTcp(server, sent, accept, deadline);
    }
    if (answer === undefined) return undefined;
    const reply = Buffer.from(answer);
    reply.writeUInt16BE(question.id, 0);
    return reply;
  }

  /** Addresses of the host's name servers; none when the file is missing. */
  private current(): readonly string[] {
    try {
      const { mtimeMs, ino, size } = statSync(this.path);
      const stamp = `${mtimeMs} ${ino} ${size}`;
      if (stamp !== this.stamp) {
        this.servers = size > 65_536 ? [] : serversOf(readFileSync(this.path, "utf8"));
        this.stamp = stamp;
      }
    } catch {
      this.servers = [];
      this.stamp = "";
    }
    return this.servers;
  }
}

function serversOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? "")
    .filter((address) => isIP(address) !== 0)
    .slice(0, mostServers);
}

async function overUdp(
  server: string,
  query: Buffer,
  accept: (response: Buffer) => boolean,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const socket = createSocket(isIP(server) === 6 ? "udp6" : "udp4");
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  socket.on("error", () => resolve(undefined));
  socket.on("message", (response) => {
    if (accept(response)) resolve(response);
  });
  // As an event, not as connect's callback, which would also be called for a server without a route.
  socket.once("connect", () => socket.send(query));
  socket.connect(53, server);
  try {
    return await race(promise, signal).catch(() => undefined);
  } finally {
    socket.close();
  }
}

async function viaTcp(
  server: string,
  query: Buffer,
  accept: (response: Buffer) => boolean,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const socket = createConnection({ host: server, port: 53 });
  const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
  let received = Buffer.alloc(0);
  socket.on("error", () => resolve(undefined));
  socket.on("close", () => resolve(undefined));
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length > largestMessage + 2) resolve(undefined);
    if (received.length < 2) return;
    const size = received.readUInt16BE(0);
    if (received.length < size + 2) return;
    const response = received.subarray(2, size + 2);
    resolve(accept(response) ? response : undefined);
  });
  const head = Buffer.alloc(2);
  head.writeUInt16BE(query.length);
  socket.write(Buffer.concat([head, query]));
  try {
    return await race(promise, signal).catch(() => undefined);
  } finally {
    socket.destroy();
  }
}
