import { Turns } from "../../kit/turns.ts";

interface Claimed {
  bytes: number;
  users: number;
}

/**
 * What work under way puts into the store, whether it is there already or yet to come: bytes, by what they are (a blob's
 * digest, a layer's chain). Work that is over has no claims; then what it stored is seen in the store.
 */
export class StoreClaims {
  /** Room is asked for by one at a time, so that of two that do not fit together the first gets it. */
  readonly asking = new Turns(1);
  private readonly claimed = new Map<string, Claimed>();
  private sum = 0;

  /** All that came or was claimed since the daemon's start, given up or not: tells how much came since one has looked. */
  get grown(): number {
    return this.sum;
  }

  /** Tells of bytes that came without a claim. */
  grew(bytes: number): void {
    this.sum += Math.max(0, bytes);
  }

  /** Claims of one piece of work. What several claim counts once. */
  open(): StoreClaim {
    return new StoreClaim({
      claim: (key, bytes, isFirst) => {
        const known = this.claimed.get(key) ?? { bytes: 0, users: 0 };
        this.sum += Math.max(0, bytes - known.bytes);
        known.bytes = Math.max(bytes, known.bytes);
        if (isFirst) known.users += 1;
        this.claimed.set(key, known);
      },
      giveUp: (key) => {
        const known = this.claimed.get(key);
        if (known === undefined) return;
        known.users -= 1;
        if (known.users === 0) this.claimed.delete(key);
      },
    });
  }

  now(): ReadonlyMap<string, number> {
    return new Map([...this.claimed].map(([key, { bytes }]) => [key, bytes]));
  }
}

interface Ledger {
  claim(key: string, bytes: number, isFirst: boolean): void;
  giveUp(key: string): void;
}

export class StoreClaim implements Disposable {
  private readonly ledger: Ledger;
  private readonly keys = new Set<string>();

  constructor(ledger: Ledger) {
    this.ledger = ledger;
  }

  /** Claims so many bytes in all for `key`. What was claimed once is not less afterwards. */
  take(key: string, bytes: number): void {
    this.ledger.claim(key, bytes, !this.keys.has(key));
    this.keys.add(key);
  }

  [Symbol.dispose](): void {
    for (const key of this.keys) this.ledger.giveUp(key);
    this.keys.clear();
  }
}
