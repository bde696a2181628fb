import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";

const longestShort = 125;
const opcodeBinary = 2;
const opcodeClose = 8;

/** A WebSocket of a test, of which the server sends no message over 64 KiB. */
export class TestWebSocket {
  /** Resolves when the server has closed it. */
  readonly closed: Promise<void>;
  private readonly socket: Socket;
  private bytes = Buffer.alloc(0);
  private text = "";
  private wake = (): void => undefined;

  constructor(socket: Socket, head: Buffer) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.on("data", (chunk: Buffer) => this.take(chunk, resolve));
    socket.on("close", () => resolve());
    if (head.length > 0) this.take(head, resolve);
  }

  /** One short message. */
  send(text: string): void {
    const payload = Buffer.from(text);
    if (payload.length > longestShort) throw new Error("too long for this client");
    const mask = randomBytes(4);
    const masked = payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0));
    const head = Buffer.from([0x80 | opcodeBinary, 0x80 | payload.length]);
    this.socket.write(Buffer.concat([head, mask, masked]));
  }

  /** The first `length` characters that have come. */
  async read(length: number): Promise<string> {
    while (this.text.length < length) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.text.slice(0, length);
  }

  private take(chunk: Buffer, close: () => void): void {
    this.bytes = Buffer.concat([this.bytes, chunk]);
    for (;;) {
      const [first = 0, short = 0] = this.bytes;
      const start = short === longestShort + 1 ? 4 : 2;
      if (this.bytes.length < start) return;
      const length = start === 4 ? this.bytes.readUInt16BE(2) : short;
      if (this.bytes.length < start + length) return;
      if ((first & 0x0f) === opcodeClose) this.socket.end(close);
      else this.text += this.bytes.toString("utf8", start, start + length);
      this.bytes = this.bytes.subarray(start + length);
      this.wake();
    }
  }
}

/** Opens a WebSocket over a unix socket. */
export async function attachWebSocket(socketPath: string, path: string): Promise<TestWebSocket> {
  const asked = request({
    socketPath,
    path,
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      "Sec-WebSocket-Version": "13",
    },
  });
  asked.end();
  const [, socket, head] = (await once(asked, "upgrade")) as [unknown, Socket, Buffer];
  return new TestWebSocket(socket, head);
}
