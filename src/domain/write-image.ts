import type { Descriptor, Healthcheck, ImageProcess } from "./image.ts";
import { mediaTypes, type ImageConfig } from "./manifest.ts";

/** An OCI image configuration (image-spec config.md, with Docker's extensions); parseImageConfig reads it. */
export function writeImageConfig(image: ImageConfig): Buffer {
  const { platform, process, history } = image;
  return encode({
    created: image.created,
    ...(image.author === "" ? {} : { author: image.author }),
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: processFields(process),
    rootfs: { type: "layers", diff_ids: image.diffIds },
    history: history.map((entry) => ({
      ...(entry.created === "" ? {} : { created: entry.created }),
      ...(entry.createdBy === "" ? {} : { created_by: entry.createdBy }),
      ...(entry.author === "" ? {} : { author: entry.author }),
      ...(entry.comment === "" ? {} : { comment: entry.comment }),
      ...(entry.emptyLayer ? { empty_layer: true } : {}),
    })),
  });
}

/** An OCI manifest; of Docker's kind where its layers are. */
export function writeManifest(
  config: Pick<Descriptor, "digest" | "size">,
  layers: readonly Descriptor[],
  kind: "oci" | "docker",
  annotations: Readonly<Record<string, string>> = {},
): Buffer {
  const mediaType = kind === "docker" ? mediaTypes.dockerManifest : mediaTypes.ociManifest;
  const configType = kind === "docker" ? mediaTypes.dockerConfig : mediaTypes.ociConfig;
  return encode({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: configType, digest: config.digest, size: config.size },
    layers: layers.map(({ mediaType: type, digest, size }) => ({ mediaType: type, digest, size })),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  });
}

/** Media type of a gzipped layer. */
export function layerMediaType(kind: "oci" | "docker"): string {
  return kind === "docker" ? mediaTypes.dockerLayerGzip : mediaTypes.ociLayerGzip;
}

function processFields(process: ImageProcess): object {
  const set = (names: readonly string[]): object => inOrder(names.map((name) => [name, {}]));
  return {
    ...(process.user === "" ? {} : { User: process.user }),
    ...(process.exposedPorts.length === 0 ? {} : { ExposedPorts: set(process.exposedPorts) }),
    ...(process.env.length === 0 ? {} : { Env: process.env }),
    ...(process.entrypoint === null ? {} : { Entrypoint: process.entrypoint }),
    ...(process.command === null ? {} : { Cmd: process.command }),
    ...(process.volumes.length === 0 ? {} : { Volumes: set(process.volumes) }),
    ...(process.workingDirectory === "" ? {} : { WorkingDir: process.workingDirectory }),
    ...(Object.keys(process.labels).length === 0
      ? {}
      : { Labels: inOrder(Object.entries(process.labels)) }),
    ...(process.stopSignal === "" ? {} : { StopSignal: process.stopSignal }),
    ...(process.healthcheck === null ? {} : { Healthcheck: healthFields(process.healthcheck) }),
    ...(process.onBuild.length === 0 ? {} : { OnBuild: process.onBuild }),
    ...(process.shell === null ? {} : { Shell: process.shell }),
  };
}

/** As Go writes a map: clients give labels in any order, and the same image has the same digest. */
function inOrder(entries: readonly (readonly [string, unknown])[]): object {
  const sorted = entries.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return Object.fromEntries(sorted);
}

function healthFields(check: Healthcheck): object {
  return {
    ...(check.test.length === 0 ? {} : { Test: check.test }),
    ...(check.interval === 0 ? {} : { Interval: check.interval }),
    ...(check.timeout === 0 ? {} : { Timeout: check.timeout }),
    ...(check.startPeriod === 0 ? {} : { StartPeriod: check.startPeriod }),
    ...(check.startInterval === 0 ? {} : { StartInterval: check.startInterval }),
    ...(check.retries === 0 ? {} : { Retries: check.retries }),
  };
}

function encode(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
