import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { canceled } from "../../../kit/abort.ts";
import type { Log } from "../../../kit/log.ts";
import { contains, parseAddress, type Subnet } from "../address.ts";
import {
  addressResponse,
  emptyResponse,
  nameResponse,
  readQuestion,
  recordType,
  responseCode,
  reverseAddressText,
  type Question,
} from "./message.ts";
import type { Forwarder } from "./forwarder.ts";
import type { NamedEndpoint, NameTable } from "./names.ts";

const mostConnections = 256;
const idleMilliseconds = 10_000;
const largestQuery = 4_096;

export interface DnsServerOptions {
  /** The network's gateway, which the server listens on. */
  readonly address: string;
  readonly subnets: readonly Subnet[];
  readonly names: NameTable;
  /** Whether it answers for the network's addresses; Docker's default bridge has no names. */
  readonly resolvesNames: boolean;
  /** undefined on internal networks: what is asked there must not leave the host. */
  readonly forwarder: Forwarder | undefined;
  readonly log: Log;
}

/**
 * The DNS server of one network, on a free port of its gateway; the rules lead port 53 to it, so
 * that neither another name server of the host nor a workload that publishes port 53 gets in its way.
 */
export class DnsServer {
  readonly names: NameTable;
  private readonly options: DnsServerOptions;
  private readonly controller = new AbortController();
  private readonly udp: UdpSocket;
  private readonly tcp: Server;
  private readonly connections = new Set<Socket>();

  constructor(options: DnsServerOptions) {
    this.options = options;
    this.names = options.names;
    this.udp = createSocket(options.address.includes(":") ? "udp6" : "udp4");
    this.tcp = createServer({ allowHalfOpen: true }, (socket) => this.accept(socket));
    this.tcp.maxConnections = mostConnections;
    this.udp.on("message", (query, from) => {
      void this.answer(query, from.address, false).then((response) => {
        if (response !== undefined && !this.controller.signal.aborted) {
          this.udp.send(response, from.port, from.address, () => undefined);
        }
        return undefined;
      });
    });
  }

  /** Makes the names of an endpoint known; its addresses alone where the network has no names. */
  add(endpoint: NamedEndpoint): void {
    const names = this.options.resolvesNames ? endpoint.names : [];
    this.names.add({ ...endpoint, names });
  }

  /** Opens both sockets; gives their ports. */
  async open(): Promise<{ readonly udp: number; readonly tcp: number }> {
    const { address, log } = this.options;
    this.udp.bind({ port: 0, address, exclusive: true });
    await once(this.udp, "listening");
    this.tcp.listen({ port: 0, host: address });
    await once(this.tcp, "listening");
    this.udp.on("error", (error) => log.warn("dns-socket-failed", { error }));
    this.tcp.on("error", (error) => log.warn("dns-socket-failed", { error }));
    const bound = this.tcp.address();
    return {
      udp: this.udp.address().port,
      tcp: bound === null || typeof bound === "string" ? 0 : bound.port,
    };
  }

  async close(): Promise<void> {
    if (this.controller.signal.aborted) return;
    this.controller.abort(canceled("the DNS server closes"));
    for (const socket of this.connections) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => {
        try {
          this.udp.close(() => resolve());
        } catch {
          resolve();
        }
      }),
      new Promise<void>((resolve) => {
        this.tcp.close(() => resolve());
      }),
    ]);
  }

  /** The response to a message from `client`; undefined for what deserves none. */
  async answer(query: Buffer, client: string, overTcp: boolean): Promise<Buffer | undefined> {
    const question = readQuestion(query);
    if (question === undefined) return undefined;
    const own = this.answerOwn(question, client);
    if (own !== undefined) return own;
    const { forwarder, log } = this.options;
    const failed = emptyResponse(question, responseCode.serverFailure);
    if (forwarder === undefined) return failed;
    const servers = this.names.nameserversOf(client);
    try {
      return (
        (await forwarder.ask(query, question, overTcp, servers, this.controller.signal)) ?? failed
      );
    } catch (error) {
      log.debug("dns-forward-failed", { error });
      return failed;
    }
  }

  private answerOwn(question: Question, client: string): Buffer | undefined {
    const { name, type } = question;
    if (name === undefined) return undefined;
    if (type === recordType.ptr) {
      return this.options.resolvesNames ? this.answerReverse(question, name) : undefined;
    }
    const found = this.names.find(name, client);
    if (found === undefined) return undefined;
    const family = type === recordType.a ? 4 : type === recordType.aaaa ? 6 : 0;
    return addressResponse(
      question,
      found.filter((address) => address.family === family),
    );
  }

  private answerReverse(question: Question, name: string): Buffer | undefined {
    const text = reverseAddressText(name);
    const address = text === undefined ? undefined : parseAddress(text);
    if (text === undefined || address === undefined) return undefined;
    if (!this.options.subnets.some((subnet) => contains(subnet, address))) return undefined;
    const found = this.names.nameOf(text);
    if (found === undefined) return emptyResponse(question, responseCode.noSuchName);
    return nameResponse(question, found);
  }

  private accept(socket: Socket): void {
    this.connections.add(socket);
    socket.setTimeout(idleMilliseconds, () => socket.destroy());
    socket.on("close", () => this.connections.delete(socket));
    this.serve(socket)
      .catch((error: unknown) => this.options.log.debug("dns-connection-failed", { error }))
      .finally(() => socket.destroySoon());
  }

  /** One query after the other (RFC 7766), each preceded by its length. */
  private async serve(socket: Socket): Promise<void> {
    const client = socket.remoteAddress ?? "";
    let received = Buffer.alloc(0);
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer]);
      while (received.length >= 2) {
        const size = received.readUInt16BE(0);
        if (size > largestQuery) return;
        if (received.length < size + 2) break;
        const response = await this.answer(received.subarray(2, size + 2), client, true);
        received = received.subarray(size + 2);
        if (response === undefined) return;
        const head = Buffer.alloc(2);
        head.writeUInt16BE(response.length);
        socket.write(Buffer.concat([head, response]));
      }
    }
  }
}
