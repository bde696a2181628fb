import type { Writable } from "node:stream";
import { canceled } from "../abort.ts";

/** Writes, and resolves when the other side is ready for more. Throws `canceled` where the stream has ended. */
export async function write(stream: Writable, data: Buffer): Promise<void> {
  if (stream.destroyed || stream.writableEnded) throw canceled("the stream has ended");
  if (stream.write(data)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.once("drain", resolve).once("close", resolve);
  await promise;
  stream.off("drain", resolve).off("close", resolve);
  if (stream.destroyed) throw canceled("the stream has ended");
}
