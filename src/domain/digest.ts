import { createHash } from "node:crypto";
import { DuetError } from "../kit/errors.ts";

/** `sha256:` and 64 lower-case hexadecimal digits: the one algorithm that Duet stores by (OCI image-spec, descriptor.md). */
export type Digest = `sha256:${string}`;

const grammar = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && grammar.test(text);
}

/** Checks the grammar before the text gets near a path. Throws `invalid` DIGEST_INVALID. */
export function parseDigest(text: unknown): Digest {
  if (isDigest(text)) return text;
  const shown = JSON.stringify(String(text).slice(0, 100));
  throw new DuetError("invalid", "DIGEST_INVALID", `not a digest that Duet accepts: ${shown}`, {
    hint: "a digest is sha256: followed by 64 lower-case hexadecimal digits",
  });
}

export function digestHex(digest: Digest): string {
  return digest.slice("sha256:".length);
}

export function digestOf(content: string | Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}
