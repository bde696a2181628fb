import type { Duplex } from "node:stream";
import { DuetError } from "../../kit/errors.ts";
import { FrameDecoder, frameHeader, type Frame } from "../../kit/frames/frame.ts";
import { maximumPayload, messageType } from "../../spec/workload.ts";

/** One open channel of a connection. */
export interface ChannelUser {
  frame(frame: Frame): void;
  /** The connection has ended; no frame follows. */
  lost(reason: DuetError): void;
}

/** Numbers channels, sends frames, and hands each incoming one to its channel. */
export class Connection {
  readonly closed: Promise<Error | undefined>;
  private readonly stream: Duplex;
  private readonly decoder = new FrameDecoder(maximumPayload);
  private readonly users = new Map<number, ChannelUser>();
  private next = 1;
  private ended = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    this.closed = promise;
    const end = (cause?: Error): void => {
      if (this.ended) return;
      this.ended = true;
      stream.destroy();
      const reason = linkLost(cause);
      const users = [...this.users.values()];
      this.users.clear();
      for (const user of users) user.lost(reason);
      resolve(cause);
    };
    stream.on("data", (data: Buffer) => {
      try {
        this.decoder.push(data, (frame) => this.users.get(frame.channel)?.frame(frame));
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)));
      }
    });
    stream.on("error", end);
    stream.on("end", () => end());
    stream.on("close", () => end());
  }

  /** Opens a channel for `user`; throws `unavailable` LINK_LOST on a connection that has ended. */
  open(user: ChannelUser): number {
    if (this.ended) throw linkLost(undefined);
    while (this.users.has(this.next) || this.next === 0) this.next = (this.next + 1) >>> 0;
    const channel = this.next;
    this.next = (this.next + 1) >>> 0;
    this.users.set(channel, user);
    return channel;
  }

  release(channel: number): void {
    this.users.delete(channel);
  }

  send(type: number, channel: number, payload: Uint8Array): void {
    if (this.ended) return;
    this.stream.cork();
    this.stream.write(frameHeader(type, channel, payload.length));
    if (payload.length > 0) this.stream.write(payload);
    this.stream.uncork();
  }

  sendCredit(channel: number, bytes: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32LE(bytes);
    this.send(messageType.credit, channel, payload);
  }

  close(): void {
    this.stream.destroy();
  }
}

function linkLost(cause: Error | undefined): DuetError {
  const why = cause === undefined ? "" : `: ${cause.message}`;
  return new DuetError(
    "unavailable",
    "LINK_LOST",
    `the connection to the workload has ended${why}`,
    cause === undefined ? {} : { cause },
  );
}
