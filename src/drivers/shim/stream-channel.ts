import type { AttachedStreams, OutputChunk } from "../../domain/process.ts";
import type { ByteChannel } from "../../domain/shim.ts";
import type { Frame } from "../../kit/frames/frame.ts";
import type { DuetError } from "../../kit/errors.ts";
import { initialCredit, messageType } from "../../spec/workload.ts";
import type { ChannelUser, Connection } from "./connection.ts";

const largestPiece = 64 << 10;

/** What a channel may meet besides stream bytes. */
export interface ControlFrames {
  /** Any frame that carries no stream bytes or credit. */
  control(frame: Frame): void;
  lost(reason: DuetError): void;
}

/** A channel that carries streams both ways under credit: attach, exec, rootfs. */
export class StreamChannel implements ChannelUser {
  readonly number: number;
  private readonly connection: Connection;
  private readonly controls: ControlFrames;
  private readonly chunks: OutputChunk[] = [];
  private readerWaits: (() => void) | undefined;
  private readonly writersWait: (() => void)[] = [];
  private credit = initialCredit;
  private consumed = 0;
  /** Settles when all input given so far is on its way. */
  private input: Promise<void> = Promise.resolve();
  private ended = false;
  private failure: DuetError | undefined;

  constructor(connection: Connection, controls: ControlFrames) {
    this.connection = connection;
    this.controls = controls;
    this.number = connection.open(this);
  }

  frame(frame: Frame): void {
    switch (frame.type) {
      case messageType.stdout:
        return this.arrived({ stream: "stdout", data: frame.payload });
      case messageType.stderr:
        return this.arrived({ stream: "stderr", data: frame.payload });
      case messageType.credit:
        if (frame.payload.length === 4) this.credit += frame.payload.readUInt32LE(0);
        return this.wakeWriters();
      case messageType.ended:
        this.release();
        return this.controls.control(frame);
      default:
        return this.controls.control(frame);
    }
  }

  lost(reason: DuetError): void {
    this.failure ??= reason;
    this.finish();
    this.controls.lost(reason);
  }

  /** The channel is free on both sides; what has arrived can still be read. */
  release(): void {
    this.connection.release(this.number);
    this.finish();
  }

  /** Writes go out in the order of their calls, and the end of input after them. */
  write(data: Uint8Array): Promise<void> {
    this.input = this.input.then(() => this.send(data));
    return this.input;
  }

  private async send(data: Uint8Array): Promise<void> {
    let rest = data;
    while (rest.length > 0 && !this.ended) {
      if (this.credit === 0) {
        await new Promise<void>((resolve) => this.writersWait.push(resolve));
        continue;
      }
      const piece = rest.subarray(0, Math.min(rest.length, this.credit, largestPiece));
      this.credit -= piece.length;
      this.connection.send(messageType.stdin, this.number, piece);
      rest = rest.subarray(piece.length);
    }
  }

  closeInput(): Promise<void> {
    this.input = this.input.then(() => {
      if (this.ended) return;
      this.connection.send(messageType.closeStdin, this.number, new Uint8Array());
    });
    return this.input;
  }

  /** Gives the channel up: output ends here at once, the number is free when the other side agrees. */
  detach(): void {
    if (this.ended) return;
    this.connection.send(messageType.detach, this.number, new Uint8Array());
    this.finish();
    for (const chunk of this.chunks.splice(0)) this.giveBack(chunk.data.length);
  }

  async *output(): AsyncGenerator<OutputChunk, void, void> {
    for (;;) {
      const chunk = this.chunks.shift();
      if (chunk !== undefined) {
        yield chunk;
        this.giveBack(chunk.data.length);
        continue;
      }
      if (this.failure !== undefined) throw this.failure;
      if (this.ended) return;
      await new Promise<void>((resolve) => (this.readerWaits = resolve));
    }
  }

  private arrived(chunk: OutputChunk): void {
    if (this.ended) return this.giveBack(chunk.data.length);
    this.chunks.push(chunk);
    this.readerWaits?.();
  }

  private giveBack(bytes: number): void {
    this.consumed += bytes;
    if (this.consumed < initialCredit / 4) return;
    this.connection.sendCredit(this.number, this.consumed);
    this.consumed = 0;
  }

  private finish(): void {
    this.ended = true;
    this.readerWaits?.();
    this.wakeWriters();
  }

  private wakeWriters(): void {
    for (const wake of this.writersWait.splice(0)) wake();
  }
}

export function attachedStreams(channel: StreamChannel): AttachedStreams {
  return {
    output: channel.output(),
    write: (data) => channel.write(data),
    closeInput: () => channel.closeInput(),
    detach: () => channel.detach(),
  };
}

export function byteChannel(channel: StreamChannel): ByteChannel {
  return {
    input: payloads(channel),
    write: (data) => channel.write(data),
    closeOutput: () => channel.closeInput(),
    close: () => channel.detach(),
  };
}

async function* payloads(channel: StreamChannel): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of channel.output()) yield chunk.data;
}
