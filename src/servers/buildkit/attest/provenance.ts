import { digestHex } from "../../../domain/digest.ts";
import type { BuildResult } from "../../../engine/build/build.ts";
import type { Job } from "../control/job.ts";
import { platformName } from "../front-end/front-end.ts";
import type { BuildOptions } from "../front-end/options.ts";
import { packageUrl } from "./attest.ts";

const buildType = "https://mobyproject.org/buildkit@v1";

interface Material {
  readonly uri: string;
  readonly digest: { readonly sha256: string };
}

/**
 * How a result was built, as SLSA describes it. `min` leaves out what may hold secrets by mistake: the values of build
 * arguments and labels, and the Dockerfile.
 */
export function describeProvenance(
  job: Job,
  options: BuildOptions,
  result: BuildResult,
  { version, mode }: { readonly version: "v0.2" | "v1"; readonly mode: "min" | "max" },
): object {
  const materials: Material[] = result.materials.map(({ reference, digest }) => ({
    uri: packageUrl(reference, platformName(result.platform)),
    digest: { sha256: digestHex(digest) },
  }));
  const parameters = {
    frontend: "dockerfile.v0",
    args: argumentsOf(options, mode),
    locals:
      options.contextUrl === ""
        ? [{ name: options.contextFolder }, { name: options.dockerfileFolder }]
        : [],
  };
  const times = {
    started: new Date(job.createdAt).toISOString(),
    finished: new Date().toISOString(),
  };
  const own = { vcs: options.origin, ...(mode === "max" ? { source: sourceOf(job) } : {}) };
  const config = {
    entryPoint: options.file,
    ...(options.contextUrl === "" ? {} : { uri: options.contextUrl }),
  };
  const environment = { platform: platformName(result.platform) };
  if (version === "v1") {
    return {
      buildDefinition: {
        buildType,
        externalParameters: {
          configSource: { path: config.entryPoint, uri: config.uri },
          request: parameters,
        },
        internalParameters: { builderPlatform: environment.platform },
        resolvedDependencies: materials,
      },
      runDetails: {
        builder: { id: "" },
        metadata: {
          invocationId: job.request.reference,
          startedOn: times.started,
          finishedOn: times.finished,
          buildkit_metadata: own,
        },
      },
    };
  }
  return {
    builder: { id: "" },
    buildType,
    materials,
    invocation: { configSource: config, parameters, environment },
    metadata: {
      buildInvocationID: job.request.reference,
      buildStartedOn: times.started,
      buildFinishedOn: times.finished,
      completeness: { parameters: mode === "max", environment: true, materials: false },
      reproducible: false,
      [`${buildType}#metadata`]: own,
    },
  };
}

/** Options as the client gave them. */
function argumentsOf(options: BuildOptions, mode: "min" | "max"): Readonly<Record<string, string>> {
  const given: Record<string, string> = { filename: options.file };
  if (options.target !== "") given["target"] = options.target;
  if (options.network !== "default") given["force-network-mode"] = options.network;
  for (const [name, place] of options.contexts) given[`context:${name}`] = place;
  if (mode === "max") {
    for (const [name, value] of Object.entries(options.buildArguments)) {
      given[`build-arg:${name}`] = value;
    }
    for (const [name, value] of Object.entries(options.labels)) given[`label:${name}`] = value;
  }
  return given;
}

function sourceOf({ source }: Job): object {
  if (source === null) return {};
  const data = source.content.toString("base64");
  return { infos: [{ filename: source.name, language: "Dockerfile", data }] };
}
