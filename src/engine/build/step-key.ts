import { digestOf, type Digest } from "../../domain/digest.ts";

/** What a part of a key may be; the order of a list counts. */
export type KeyPart = string | number | boolean | null | readonly KeyPart[];

/** Changes when the same key would no longer mean the same result. */
const version = "duet.build.1";

/** The digest of what makes a step's result what it is. */
export function stepKey(parts: readonly KeyPart[]): Digest {
  return digestOf(JSON.stringify([version, ...parts]));
}
