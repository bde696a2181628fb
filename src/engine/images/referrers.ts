import type { Descriptor } from "../../domain/image.ts";
import { manifestKind, parseIndex } from "../../domain/manifest.ts";
import { isAttestation } from "../../domain/platform.ts";
import { parseReference } from "../../domain/reference.ts";
import type { ReferrersTree, RegistryCredentials } from "../../domain/registry.ts";
import type { EngineContext } from "../context.ts";

/** Platforms of an index that are asked for. */
const mostPlatforms = 64;
const attestationOf = "vnd.docker.reference.digest";

/**
 * What a registry has about an image: signatures, attestations, lists of parts. Of an index also what
 * it has about each platform's manifest, BuildKit's attestations among it, which stand in the index itself.
 */
export async function referrersOf(
  context: EngineContext,
  text: string,
  auth: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<ReferrersTree> {
  const reference = parseReference(text);
  const { descriptor, content } = await context.registry.resolve(reference, auth, signal);
  const ask = async (subject: Descriptor): Promise<readonly Descriptor[]> =>
    await context.registry.referrers(reference, subject.digest, auth, signal);
  const referrers = await ask(descriptor);
  if (manifestKind(descriptor.mediaType) !== "index")
    return { descriptor, referrers, manifests: [] };
  const entries = parseIndex(content, descriptor.mediaType).manifests;
  const attestations = entries.filter(isAttestation);
  const manifests: ReferrersTree[] = [];
  for (const entry of entries.filter((one) => !isAttestation(one)).slice(0, mostPlatforms)) {
    const inIndex = attestations.filter(
      ({ annotations }) => annotations?.[attestationOf] === entry.digest,
    );
    const own = [...inIndex, ...(await ask(entry))];
    manifests.push({ descriptor: entry, referrers: own, manifests: [] });
  }
  return { descriptor, referrers, manifests };
}
