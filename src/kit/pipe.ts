const highWaterBytes = 8 << 20;

/**
 * A second reader of bytes that pass by: who writes waits while the reader is far behind, and no
 * longer once it has gone away. One reader.
 */
export class Pipe implements AsyncIterable<Buffer> {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;
  private ending: { readonly error: unknown } | undefined;
  private isRead = true;
  private wakeReader: () => void = () => undefined;
  private readonly writers: (() => void)[] = [];

  /** The chunk must not be changed afterwards. */
  async write(chunk: Buffer): Promise<void> {
    if (!this.isRead || this.ending !== undefined || chunk.length === 0) return;
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    this.wakeReader();
    while (this.isRead && this.bytes > highWaterBytes) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.writers.push(resolve);
      await promise;
    }
  }

  /** Nothing more comes; with an error the reader fails with it once it has read what came. */
  end(error?: unknown): void {
    this.ending ??= { error };
    this.wakeReader();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    try {
      for (;;) {
        const chunk = this.chunks.shift();
        if (chunk !== undefined) {
          this.bytes -= chunk.length;
          this.wakeWriters();
          yield chunk;
          continue;
        }
        if (this.ending !== undefined) {
          if (this.ending.error !== undefined) throw this.ending.error;
          return;
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        this.wakeReader = resolve;
        await promise;
      }
    } finally {
      this.close();
    }
  }

  /** The reader needs no more. */
  close(): void {
    this.isRead = false;
    this.chunks.length = 0;
    this.wakeWriters();
  }

  private wakeWriters(): void {
    for (const wake of this.writers.splice(0)) wake();
  }
}
