import { setImmediate as nextTurn } from "node:timers/promises";

const zeros = Buffer.alloc(64 << 10);
/** What is hashed in one turn of the event loop: some milliseconds. */
const turnBytes = 8 << 20;

/** As many zero bytes as a hole has: a few bytes of a tar may say terabytes, so others get their turns meanwhile. */
export async function hashZeros(
  hash: { update(data: Uint8Array): unknown },
  count: number,
  signal: AbortSignal,
): Promise<void> {
  for (let left = count; left > 0; left -= zeros.length) {
    hash.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
    if ((count - left) % turnBytes !== turnBytes - zeros.length) continue;
    signal.throwIfAborted();
    await nextTurn();
  }
}
