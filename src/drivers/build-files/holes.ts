const zeros = Buffer.alloc(64 << 10);

/** As many zero bytes as a hole has. */
export function hashZeros(hash: { update(data: Uint8Array): unknown }, count: number): void {
  for (let left = count; left > 0; left -= zeros.length) {
    hash.update(left < zeros.length ? zeros.subarray(0, left) : zeros);
  }
}
