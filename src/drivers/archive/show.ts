import type { LayerWatch } from "../../domain/archive.ts";
import type { Digest } from "../../domain/digest.ts";
import { detectCompression } from "../../kit/decompress.ts";
import { Pipe } from "../../kit/pipe.ts";

/** Bytes at the start of a file that tell whether it is a tar (POSIX ustar: magic at 257). */
export const tarMagicEnd = 262;
const tarMagicStart = 257;

/** Shows one file's bytes to who watches for layers, once it looks like one. */
export class Show {
  private readonly watch: LayerWatch | undefined;
  private readonly digest = Promise.withResolvers<Digest>();
  private pipe: Pipe | undefined;
  private isDecided = false;
  private readonly held: Buffer[] = [];

  constructor(watch: LayerWatch | undefined) {
    this.watch = watch;
    this.digest.promise.catch(() => undefined);
  }

  /** `start` is what came so far of the first bytes, this chunk's included. */
  async pass(chunk: Buffer, start: Buffer, size: number): Promise<void> {
    if (this.watch === undefined) return;
    if (this.isDecided) return await this.pipe?.write(chunk);
    this.held.push(chunk);
    if (start.length < Math.min(tarMagicEnd, size)) return;
    this.isDecided = true;
    const held = this.held.splice(0);
    if (!mayBeLayer(start)) return;
    this.pipe = new Pipe();
    await this.watch(this.pipe, this.digest.promise);
    for (const piece of held) await this.pipe.write(piece);
  }

  end(digest: Digest): void {
    this.digest.resolve(digest);
    this.pipe?.end();
  }

  fail(error: unknown): void {
    this.digest.reject(error);
    this.pipe?.end(error);
  }
}

function mayBeLayer(start: Buffer): boolean {
  if (detectCompression(start) !== "none") return true;
  return start.subarray(tarMagicStart, tarMagicEnd).toString("latin1") === "ustar";
}
