import { digestHex, digestOf } from "../../../domain/digest.ts";
import type { BuildResult } from "../../../engine/build/build.ts";
import type { Attested, Job } from "../control/job.ts";
import { formatPlatform } from "../../../domain/platform.ts";
import type { BuildOptions } from "../front-end/options.ts";
import { packageUrl } from "./package-url.ts";

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
    uri: packageUrl(reference, formatPlatform(result.platform)),
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
  const own = { vcs: options.origin, ...(mode === "max" ? { source: sourceOf(job) } : {}) };
  const facts: Facts = { materials, parameters, own, platform: formatPlatform(result.platform) };
  return version === "v1"
    ? firstEdition(job, options, facts)
    : secondDraft(job, options, facts, mode);
}

/** What the record of a build says of how its results were made. */
export function recordProvenance(
  job: Job,
  results: readonly BuildResult[],
  byPlatform: boolean,
): readonly Attested[] {
  const { options } = job;
  if (options === null) return [];
  return results.map((result) => {
    const predicate = describeProvenance(job, options, result, { version: "v0.2", mode: "max" });
    const content = Buffer.from(JSON.stringify(predicate));
    return {
      platform: byPlatform ? formatPlatform(result.platform) : "",
      predicateType: "https://slsa.dev/provenance/v0.2",
      digest: digestOf(content),
      content,
    };
  });
}

interface Facts {
  readonly materials: readonly Material[];
  readonly parameters: object;
  /** BuildKit's own words about the build. */
  readonly own: object;
  readonly platform: string;
}

/** slsa.dev/provenance/v1. */
function firstEdition(job: Job, options: BuildOptions, facts: Facts): object {
  return {
    buildDefinition: {
      buildType,
      externalParameters: {
        configSource: { path: options.file, ...placeOf(options) },
        request: facts.parameters,
      },
      internalParameters: { builderPlatform: facts.platform },
      resolvedDependencies: facts.materials,
    },
    runDetails: {
      builder: { id: "" },
      metadata: {
        invocationId: job.request.reference,
        startedOn: new Date(job.createdAt).toISOString(),
        finishedOn: new Date().toISOString(),
        buildkit_metadata: facts.own,
      },
    },
  };
}

/** slsa.dev/provenance/v0.2. */
function secondDraft(job: Job, options: BuildOptions, facts: Facts, mode: "min" | "max"): object {
  return {
    builder: { id: "" },
    buildType,
    materials: facts.materials,
    invocation: {
      configSource: { entryPoint: options.file, ...placeOf(options) },
      parameters: facts.parameters,
      environment: { platform: facts.platform },
    },
    metadata: {
      buildInvocationID: job.request.reference,
      buildStartedOn: new Date(job.createdAt).toISOString(),
      buildFinishedOn: new Date().toISOString(),
      completeness: { parameters: mode === "max", environment: true, materials: false },
      reproducible: false,
      [`${buildType}#metadata`]: facts.own,
    },
  };
}

function placeOf({ contextUrl }: BuildOptions): { readonly uri?: string } {
  return contextUrl === "" ? {} : { uri: contextUrl };
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
