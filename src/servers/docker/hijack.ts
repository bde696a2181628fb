import type { Duplex } from "node:stream";
import type { AttachedStreams, OutputChunk } from "../../domain/process.ts";
import { DetachMatcher } from "./detach-keys.ts";
import { frameHeader } from "./frames.ts";
import { lingerTimeout } from "./limits.ts";

export interface RelayOptions {
  /** A terminal's output goes out as it is, and a WebSocket's; otherwise in frames. */
  readonly terminal: boolean;
  /** Whether bytes of the client reach the process. */
  readonly stdin: boolean;
  /** The sequence that detaches, where the client may type it: with a terminal. */
  readonly detachKeys: Buffer | null;
  /** What the end of the client's input means: the end of the process's input, or of this attachment. */
  readonly atEndOfInput: "close-input" | "detach";
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** Called when the client has typed the keys that detach. */
  readonly onDetachKeys?: () => void;
}

/** Joins a raw connection and a process's streams until either ends; then closes the connection. */
export async function relay(
  socket: Duplex,
  streams: AttachedStreams,
  options: RelayOptions,
): Promise<void> {
  const gone = (): void => streams.detach();
  socket.once("close", gone);
  // A broken pipe is how a client leaves; `close` follows it.
  socket.on("error", () => undefined);
  const stopInput = options.stdin ? relayInput(socket, streams, options) : ignoreInput(socket);
  try {
    for await (const chunk of streams.output) {
      if (socket.destroyed) break;
      if (!options[chunk.stream]) continue;
      await send(socket, chunk, options.terminal);
    }
  } finally {
    stopInput();
    socket.off("close", gone);
    streams.detach();
    closeGently(socket);
  }
}

async function send(socket: Duplex, chunk: OutputChunk, terminal: boolean): Promise<void> {
  if (chunk.data.length === 0) return;
  socket.cork();
  if (!terminal) socket.write(frameHeader(chunk.stream, chunk.data.length));
  const isReady = socket.write(chunk.data);
  socket.uncork();
  if (isReady || socket.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("drain", resolve).once("close", resolve);
  await promise;
  socket.off("drain", resolve).off("close", resolve);
}

/** Without stdin, what the client sends is dropped, and its end of input means nothing. */
function ignoreInput(socket: Duplex): () => void {
  socket.resume();
  return () => undefined;
}

function relayInput(socket: Duplex, streams: AttachedStreams, options: RelayOptions): () => void {
  const matcher = options.detachKeys === null ? null : new DetachMatcher(options.detachKeys);
  const forward = async (chunk: Buffer): Promise<void> => {
    const step = matcher?.feed(chunk) ?? { forward: chunk, detached: false };
    if (step.forward.length > 0) await streams.write(step.forward);
    if (!step.detached) return;
    options.onDetachKeys?.();
    streams.detach();
  };
  // A paused socket still tells its end, so that has to wait for what came before.
  let forwarded = Promise.resolve();
  const onData = (chunk: Buffer): void => {
    socket.pause();
    forwarded = forward(chunk);
    forwarded.then(
      () => socket.resume(),
      () => streams.detach(),
    );
  };
  const onEnd = (): void => {
    forwarded.then(() => finishInput(streams, matcher, options)).catch(() => streams.detach());
  };
  socket.on("data", onData).once("end", onEnd);
  socket.resume();
  return () => {
    socket.off("data", onData).off("end", onEnd);
  };
}

async function finishInput(
  streams: AttachedStreams,
  matcher: DetachMatcher | null,
  options: RelayOptions,
): Promise<void> {
  const held = matcher?.flush();
  if (held !== undefined && held.length > 0) await streams.write(held);
  if (options.atEndOfInput === "detach") streams.detach();
  else await streams.closeInput();
}

/**
 * Ends our half and drops what still comes, so that the client reads to the end: closing a unix
 * socket that holds unread bytes would show it a reset instead.
 */
export function closeGently(socket: Duplex): void {
  if (socket.destroyed) return;
  socket.end();
  socket.resume();
  if (socket.readableEnded) return;
  const timer = setTimeout(() => socket.destroy(), lingerTimeout);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}
