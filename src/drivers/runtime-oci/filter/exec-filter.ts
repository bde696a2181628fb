import type { SecuritySpec } from "../../../domain/limits.ts";
import { hostSeccompFacts, resolveSeccomp } from "../seccomp.ts";
import { compileFilter } from "./compile.ts";

const mostKept = 64;
const kept = new Map<string, Uint8Array | "uncovered">();

/**
 * The filter that a container's later processes get: the same profile as its first one's, compiled here. Empty
 * where it has none; `uncovered` where only the OCI runtime can say what the profile means.
 */
export function execFilter(
  security: Pick<SecuritySpec, "privileged" | "seccomp">,
  bounding: readonly string[],
): Uint8Array | "uncovered" {
  if (security.privileged) return new Uint8Array();
  const key = JSON.stringify([security.seccomp, bounding]);
  const known = kept.get(key);
  if (known !== undefined) return known;
  const profile = resolveSeccomp(security.seccomp, hostSeccompFacts(bounding));
  const filter = profile === undefined ? new Uint8Array() : (compileFilter(profile) ?? "uncovered");
  const oldest = kept.keys().next().value;
  if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest);
  kept.set(key, filter);
  return filter;
}
