import type { Attestation } from "../../../engine/build/build.ts";
import type { Export } from "../export/export.ts";

/** What the client wants attested of the results: `--provenance`, `--sbom`. */
export async function attest(
  _wanted: Export,
  _names: readonly string[],
  _signal: AbortSignal,
): Promise<readonly Attestation[]> {
  return [];
}
