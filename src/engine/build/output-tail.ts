/** Pieces that are kept before they are put together: between two of them it costs little. */
const mostPieces = 1_024;

/** The last bytes of what comes in pieces. */
export class OutputTail {
  private readonly limit: number;
  private pieces: Uint8Array[] = [];
  private size = 0;

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.limit = limit;
  }

  add(piece: Uint8Array): void {
    this.pieces.push(piece);
    this.size += piece.length;
    if (this.size > 2 * this.limit || this.pieces.length > mostPieces) this.bytes();
  }

  bytes(): Buffer {
    const whole = Buffer.concat(this.pieces).subarray(-this.limit);
    this.pieces = [whole];
    this.size = whole.length;
    return whole;
  }
}
