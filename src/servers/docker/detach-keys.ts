import { invalid } from "./failures.ts";

export const defaultDetachKeys = "ctrl-p,ctrl-q";

/** Docker's grammar: single characters and `ctrl-` with a letter or one of @ [ \ ] ^ _, by commas. */
export function parseDetachKeys(text: string): Buffer {
  const keys = text === "" ? defaultDetachKeys : text;
  return Buffer.from(
    keys.split(",").map((key) => {
      const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key);
      if (control !== null) return control[1]!.toUpperCase().charCodeAt(0) & 0x1f;
      if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
      throw invalid(
        `Invalid escape keys (${text.slice(0, 60)}) provided`,
        "write single characters or ctrl-a … ctrl-z, separated by commas",
      );
    }),
  );
}

/** What to forward of the bytes seen so far, and whether the keys were all seen. */
export interface DetachStep {
  readonly forward: Buffer;
  readonly detached: boolean;
}

/**
 * Finds the detach sequence in a stream of chunks. Bytes that may begin it are held back until it is
 * clear that they don't; nothing else is ever lost or reordered (Knuth, Morris and Pratt).
 */
export class DetachMatcher {
  private matched = 0;
  private readonly keys: Buffer;
  private readonly fallback: readonly number[];

  constructor(keys: Buffer) {
    this.keys = keys;
    this.fallback = borders(keys);
  }

  feed(chunk: Uint8Array): DetachStep {
    const forward: number[] = [];
    for (const byte of chunk) {
      while (this.matched > 0 && byte !== this.keys[this.matched]) this.giveUp(forward);
      if (byte === this.keys[this.matched]) this.matched += 1;
      else forward.push(byte);
      if (this.matched === this.keys.length) {
        this.matched = 0;
        return { forward: Buffer.from(forward), detached: true };
      }
    }
    return { forward: Buffer.from(forward), detached: false };
  }

  /** The held-back bytes, at the end of input. */
  flush(): Buffer {
    const held = Buffer.from(this.keys.subarray(0, this.matched));
    this.matched = 0;
    return held;
  }

  private giveUp(forward: number[]): void {
    const shorter = this.fallback[this.matched]!;
    forward.push(...this.keys.subarray(0, this.matched - shorter));
    this.matched = shorter;
  }
}

/** borders[n]: length of the longest proper prefix of the first n keys that is also their suffix. */
function borders(keys: Buffer): number[] {
  const result = [0, 0];
  for (let length = 2; length <= keys.length; length += 1) {
    let candidate = result[length - 1]!;
    while (candidate > 0 && keys[candidate] !== keys[length - 1]) candidate = result[candidate]!;
    result.push(keys[candidate] === keys[length - 1] ? candidate + 1 : 0);
  }
  return result;
}
