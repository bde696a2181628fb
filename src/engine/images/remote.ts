import type { Platform } from "../../domain/image.ts";
import {
  manifestKind,
  maximumManifestBytes,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from "../../domain/manifest.ts";
import { parseReference, type Reference } from "../../domain/reference.ts";
import type { RegistryCredentials, RemoteImage, ResolvedManifest } from "../../domain/registry.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { readRemoteBlob } from "./read-blob.ts";

/** What a registry says of a name; nothing of it is kept. Throws `not-found` MANIFEST_UNKNOWN. */
export async function remoteImage(
  context: EngineContext,
  text: string,
  auth: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<RemoteImage> {
  const reference = parseReference(text);
  const { descriptor, content } = await resolve(context, reference, auth, signal);
  if (manifestKind(descriptor.mediaType) === "index") {
    const { manifests } = parseIndex(content, descriptor.mediaType);
    const unknown: Platform = { os: "", architecture: "" };
    const platforms = manifests.map((entry) => entry.platform ?? unknown);
    return { descriptor, platforms, content };
  }
  const { config } = parseManifest(content, descriptor.mediaType);
  const bytes = await readRemoteBlob(
    context,
    reference,
    config,
    maximumManifestBytes,
    auth,
    signal,
  );
  return { descriptor, platforms: [parseImageConfig(bytes).platform], content };
}

/** In the words of the registry's protocol, as Docker answers here, and not in those of a pull. */
async function resolve(
  context: EngineContext,
  reference: Reference,
  auth: RegistryCredentials | null,
  signal: AbortSignal,
): Promise<ResolvedManifest> {
  try {
    return await context.registry.resolve(reference, auth, signal);
  } catch (error) {
    if (!(error instanceof DuetError) || error.code !== "MANIFEST_UNKNOWN") throw error;
    throw new DuetError("not-found", "MANIFEST_UNKNOWN", "manifest unknown: manifest unknown", {
      cause: error,
      ...(error.subject === undefined ? {} : { subject: error.subject }),
    });
  }
}
