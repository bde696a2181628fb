import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { closeCode, encodeFrame, frameHead, FrameReader, opcode } from "./frames.ts";

/**
 * A WebSocket after its handshake, as a stream of bytes: every write is a message, and what messages
 * hold is read. A WebSocket has no half-close: the client's close ends both directions.
 */
export class WebSocketStream extends Duplex {
  private readonly socket: Socket;
  private readonly code: number;
  private readonly reader = new FrameReader();
  /** Our close frame is sent. */
  private isClosing = false;
  /** The client has closed. */
  private isOver = false;

  constructor(socket: Socket, kind: "text" | "binary") {
    super({ allowHalfOpen: true });
    this.socket = socket;
    this.code = opcode[kind];
    socket.on("data", (chunk: Buffer) => this.receive(chunk));
    socket.on("end", () => this.endInput());
    socket.on("error", () => this.destroy());
    socket.on("close", () => this.destroy());
    // After those who read the end: for them it comes first.
    this.once("end", () => setImmediate(() => this.destroy()));
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.isClosing) return done();
    this.socket.cork();
    this.socket.write(frameHead(this.code, chunk.length));
    this.socket.write(chunk, () => done());
    this.socket.uncork();
  }

  override _final(done: () => void): void {
    this.sayClose(closeCode.normal);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.destroySoon();
    done(error);
  }

  private receive(chunk: Buffer): void {
    try {
      for (const part of this.reader.feed(chunk)) {
        if (part.kind === "control") this.answer(part.opcode, part.bytes);
        else if (!this.isOver && !this.push(part.bytes)) this.socket.pause();
      }
    } catch {
      this.sayClose(closeCode.protocolError);
      this.destroy();
    }
  }

  private answer(code: number, payload: Buffer): void {
    // Who sends pings and reads nothing must not fill memory with answers.
    if (code === opcode.ping && !this.isClosing && !this.socket.writableNeedDrain) {
      this.socket.write(encodeFrame(opcode.pong, payload));
    }
    if (code !== opcode.close) return;
    this.sayClose(closeCode.normal);
    this.endInput();
  }

  private endInput(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.push(null);
  }

  private sayClose(code: number): void {
    if (this.isClosing) return;
    this.isClosing = true;
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    if (!this.socket.destroyed) this.socket.end(encodeFrame(opcode.close, payload));
  }
}
