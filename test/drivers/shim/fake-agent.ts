import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { encodeFields, type WireField } from "../../../src/kit/frames/fields.ts";
import { encodeFrame, FrameDecoder, type Frame } from "../../../src/kit/frames/frame.ts";
import { maximumPayload, messageType } from "../../../src/spec/workload.ts";

/** What stands behind a VM's port in these tests: remembers frames, sends what the test says. */
export class FakeAgent implements AsyncDisposable {
  readonly frames: Frame[] = [];
  private readonly server: Server;
  private socket: Socket | undefined;
  private changed: () => void = () => undefined;

  private constructor(server: Server) {
    this.server = server;
    server.on("connection", (socket) => this.serve(socket));
  }

  static async listen(path: string): Promise<FakeAgent> {
    const server = createServer();
    server.listen(path);
    await once(server, "listening");
    return new FakeAgent(server);
  }

  /** The next frame of `type` that was not taken yet. HELLO is answered by itself. */
  async next(type: number): Promise<Frame> {
    const limit = AbortSignal.timeout(120_000);
    limit.addEventListener("abort", () => this.changed(), { once: true });
    for (;;) {
      const index = this.frames.findIndex((frame) => frame.type === type);
      if (index >= 0) return this.frames.splice(index, 1)[0]!;
      limit.throwIfAborted();
      await new Promise<void>((resolve) => (this.changed = resolve));
    }
  }

  send(type: number, channel: number, fields: readonly WireField[] | Uint8Array = []): void {
    const payload = fields instanceof Uint8Array ? fields : encodeFields(fields);
    this.socket?.write(encodeFrame(type, channel, payload));
  }

  sendRaw(bytes: Uint8Array): void {
    this.socket?.write(bytes);
  }

  private serve(socket: Socket): void {
    this.socket = socket;
    const decoder = new FrameDecoder(maximumPayload);
    socket.on("error", () => undefined);
    socket.on("data", (data: Buffer) => {
      decoder.push(data, (frame) => {
        if (frame.type === messageType.hello) this.send(messageType.ok, frame.channel);
        else this.frames.push({ ...frame, payload: Buffer.from(frame.payload) });
      });
      this.changed();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket?.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}
