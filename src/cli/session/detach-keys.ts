import { usageError } from "../flags.ts";
import type { FlagSpec } from "../flags.ts";

export const detachKeysFlag: FlagSpec = {
  name: "detach-keys",
  kind: "string",
  summary: "Override the key sequence for detaching a container",
};

const controlNames: Readonly<Record<string, number>> = {
  "@": 0,
  "[": 27,
  "\\": 28,
  "]": 29,
  "^": 30,
  _: 31,
};

/** Bytes of Docker's spelling: `ctrl-p,ctrl-q`, `a,b`, `ctrl-[`; "" has none. Throws `invalid`. */
export function detachBytes(text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  return Buffer.from(
    text.split(",").map((key) => {
      const control = /^ctrl-(.)$/i.exec(key)?.[1];
      if (control !== undefined && /[a-z]/i.test(control))
        return control.toLowerCase().charCodeAt(0) - 96;
      if (control !== undefined && controlNames[control] !== undefined)
        return controlNames[control];
      if (key.length === 1 && key.charCodeAt(0) < 128) return key.charCodeAt(0);
      throw usageError(
        "BAD_DETACH_KEYS",
        `invalid detach keys "${text}" · unknown key "${key}"`,
        "write keys such as ctrl-p,ctrl-q",
      );
    }),
  );
}

export const standardDetachKeys = "ctrl-p,ctrl-q";

/** Passes input on, holding back what may become the detach sequence. */
export class DetachFilter {
  private readonly keys: Buffer;
  private matched = 0;

  constructor(keys: Buffer) {
    this.keys = keys;
  }

  /** Bytes to send, and whether the sequence was completed (what follows it is dropped). */
  pass(chunk: Buffer): { readonly bytes: Buffer; readonly detached: boolean } {
    if (this.keys.length === 0) return { bytes: chunk, detached: false };
    const passed: number[] = [];
    for (const byte of chunk) {
      if (byte === this.keys[this.matched]) {
        this.matched += 1;
        if (this.matched === this.keys.length)
          return { bytes: Buffer.from(passed), detached: true };
        continue;
      }
      passed.push(...this.keys.subarray(0, this.matched));
      this.matched = byte === this.keys[0] ? 1 : 0;
      if (this.matched === 0) passed.push(byte);
    }
    return { bytes: Buffer.from(passed), detached: false };
  }
}
