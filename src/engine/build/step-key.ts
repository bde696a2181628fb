import { createHash } from "node:crypto";
import type { Digest } from "../../domain/digest.ts";

/** What a part of a key may be; the order of a list counts. */
export type KeyPart = string | number | boolean | null | readonly KeyPart[];

/** Changes when the same key would no longer mean the same result. */
const version = "duet.build.1";

/** The digest of what makes a step's result what it is. */
export function stepKey(parts: readonly KeyPart[]): Digest {
  const text = JSON.stringify([version, ...parts]);
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

export function contentDigest(content: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
