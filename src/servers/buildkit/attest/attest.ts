import type { Digest } from "../../../domain/digest.ts";
import { digestHex } from "../../../domain/digest.ts";
import type { Attestation, BuildResult } from "../../../engine/build/build.ts";
import type { Export } from "../export/export.ts";
import { formatPlatform } from "../../../domain/platform.ts";
import { packageUrl } from "./package-url.ts";
import { describeProvenance } from "./provenance.ts";
import { describePackages } from "./sbom.ts";

/**
 * What the client wants attested of the results (`--provenance`, `--sbom`), as in-toto statements. What clients ask
 * for by themselves, `inline-only`, is left out: an image is an index only where its user wants more than the image.
 */
export async function attest(
  { job, results }: Export,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly Attestation[]> {
  const { options } = job;
  const found: Attestation[] = [];
  if (options === null) return found;
  const provenance = options.attestations.get("provenance");
  const isWanted = provenance !== undefined && provenance.get("inline-only") !== "true";
  const hasPackages = options.attestations.has("sbom");
  for (const [result, built] of results.entries()) {
    if (isWanted) {
      const version = provenance.get("version") === "v1" ? "v1" : "v0.2";
      const mode = provenance.get("mode") === "max" ? "max" : "min";
      const predicate = describeProvenance(job, options, built, { version, mode });
      found.push(
        statement(result, `https://slsa.dev/provenance/${version}`, predicate, built, names),
      );
    }
    if (hasPackages) {
      const predicate = await describePackages(built, options.epoch, signal);
      found.push(statement(result, "https://spdx.dev/Document", predicate, built, names));
    }
  }
  return found;
}

function statement(
  result: number,
  predicateType: string,
  predicate: object,
  { platform }: BuildResult,
  names: readonly string[],
): Attestation {
  return {
    result,
    predicateType,
    statement: (subject: Digest) => {
      const digest = { sha256: digestHex(subject) };
      const subjects = names.map((name) => ({
        name: packageUrl(name, formatPlatform(platform)),
        digest,
      }));
      return Buffer.from(
        JSON.stringify({
          _type: "https://in-toto.io/Statement/v0.1",
          predicateType,
          subject: subjects.length > 0 ? subjects : [{ name: "_", digest }],
          predicate,
        }),
      );
    },
  };
}
