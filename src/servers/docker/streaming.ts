import type { Exchange } from "./exchange.ts";

/**
 * `source`, ended by the signal even while its next item is awaited: then the signal's reason is
 * thrown and the source is told to stop.
 */
export async function* untilAborted<T>(
  source: AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let fail: (reason: unknown) => void = () => undefined;
  const abort = (): void => fail(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  let isDone = false;
  try {
    for (;;) {
      // One promise that lived as long as the stream, raced with each item, would keep them all.
      const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<T>>();
      fail = reject;
      if (signal.aborted) abort();
      else iterator.next().then(resolve, reject);
      const item = await promise;
      if (item.done === true) {
        isDone = true;
        return;
      }
      yield item.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    if (!isDone) iterator.return?.()?.catch(() => undefined);
  }
}

/**
 * Sends bytes as the whole answer. The head goes out with the first chunk, so that a failure before
 * it still becomes an error answer.
 */
export async function sendBytes(
  exchange: Exchange,
  contentType: string,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  for await (const chunk of untilAborted(source, exchange.signal)) {
    if (!exchange.isStarted) exchange.begin(contentType);
    await exchange.write(chunk);
  }
  if (!exchange.isStarted) exchange.begin(contentType);
  exchange.end();
}
