import type { ManifestPart } from "../../../engine/engine.ts";
import type { DescriptorBody, ManifestSummary, PlatformBody } from "../../../spec/docker/image.ts";
import type { Exchange } from "../exchange.ts";
import type { NamedImage } from "./summary.ts";

/** `Manifests` of a list or an inspect, where the request asks for it with `manifests=1`. */
export async function manifestField(
  exchange: Exchange,
  { image, names }: NamedImage,
): Promise<{ readonly Manifests?: ManifestSummary[] }> {
  if (!exchange.query.flag("manifests")) return {};
  const parts = await exchange.engine.images.manifests(image, names);
  return { Manifests: parts.map(encodePart) };
}

function encodePart(part: ManifestPart): ManifestSummary {
  const { descriptor, platform, content, unpacked } = part;
  const shown: PlatformBody = {
    architecture: platform?.architecture ?? "unknown",
    os: platform?.os ?? "unknown",
    ...(platform?.variant === undefined ? {} : { variant: platform.variant }),
  };
  return {
    ID: descriptor.digest,
    Descriptor: encodeDescriptor(part, shown),
    Available: part.isHere,
    Size: { Content: content, Total: content + unpacked },
    Kind: part.kind,
    ...(part.kind === "image"
      ? {
          ImageData: {
            Platform: shown,
            Size: { Unpacked: unpacked },
            Containers: part.containers.length > 0 ? [...part.containers] : null,
          },
        }
      : {}),
    ...(part.about === null ? {} : { AttestationData: { For: part.about } }),
  };
}

function encodeDescriptor({ descriptor }: ManifestPart, platform: PlatformBody): DescriptorBody {
  const { mediaType, digest, size, annotations } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations: { ...annotations } }),
    ...(descriptor.platform === undefined ? {} : { platform }),
  };
}
