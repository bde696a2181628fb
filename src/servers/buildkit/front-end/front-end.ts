import { randomBytes } from "node:crypto";
import { parseDockerfile } from "../../../domain/build/dockerfile.ts";
import type { Platform } from "../../../domain/image.ts";
import type { BuildClient, BuildRequest, BuildResult } from "../../../engine/build/build.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { GatewayResult } from "../../../spec/buildkit/gateway.ts";
import type { Job } from "../control/job.ts";
import type { BuildKit } from "../service.ts";
import type { Session } from "../session/session.ts";
import { loadDefinition, loadIgnorePatterns, missing, type Definition } from "./definition.ts";
import { readOptions, type BuildOptions } from "./options.ts";
import { loadRemoteContext, type RemoteContext } from "./remote-context.ts";
import { answerRequest } from "./requests.ts";
import { SessionClient } from "./session-client.ts";
import { checkSyntax } from "./syntax.ts";

/**
 * BuildKit's front end `dockerfile.v0`: builds a Dockerfile of the client's, for each platform that it asks for, and
 * keeps the results in `job`. Or answers what `requestid` asks about the Dockerfile.
 */
export async function solveDockerfile(
  kit: BuildKit,
  job: Job,
  session: Session,
  given: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<GatewayResult> {
  const options = readOptions(given);
  job.options = options;
  checkSyntax(options.syntax);
  await using remote =
    options.contextUrl === ""
      ? null
      : await loadRemoteContext(kit, job, session, options.contextUrl, signal);
  const definition = await definitionOf(kit, job, session, options, remote, signal);
  job.source = definition.source;
  if (options.syntax === "") {
    checkSyntax(parseDockerfile(definition.source.content).directives.get("syntax")?.value ?? "");
  }
  const mainIgnore =
    remote === null ? await ignoreOf(job, session, options, definition, signal) : [];
  await using client = new SessionClient({
    ...{ job, session, options, mainIgnore, remote },
    contexts: kit.engine.contexts,
  });
  if (options.request !== "") {
    const request = requestOf(options, definition, options.platforms[0]!, job);
    return await answerRequest(kit, options.request, request, client, signal);
  }
  return await buildAll(kit, job, options, definition, client, signal);
}

async function definitionOf(
  kit: BuildKit,
  job: Job,
  session: Session,
  options: BuildOptions,
  remote: RemoteContext | null,
  signal: AbortSignal,
): Promise<Definition> {
  if (remote === null || options.ownDockerfile) {
    return await loadDefinition(job, session, options, signal);
  }
  if (remote.kind === "dockerfile") {
    return { source: { name: options.file, content: remote.content }, ownIgnore: null };
  }
  const content = await kit.engine.build.readFile(remote.tree, options.file, signal);
  if (content === null) throw missing(options.file);
  return { source: { name: options.file, content }, ownIgnore: null };
}

async function ignoreOf(
  job: Job,
  session: Session,
  options: BuildOptions,
  definition: Definition,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (definition.ownIgnore !== null) return definition.ownIgnore;
  const title = "[internal] load .dockerignore";
  try {
    return await loadIgnorePatterns(job, session, options.contextFolder, title, signal);
  } catch (error) {
    // A build without a context has nothing that could be left out.
    if (error instanceof DuetError && error.code === "CONTEXT_NOT_FOUND") return [];
    throw error;
  }
}

async function buildAll(
  kit: BuildKit,
  job: Job,
  options: BuildOptions,
  definition: Definition,
  client: BuildClient,
  signal: AbortSignal,
): Promise<GatewayResult> {
  const controller = new AbortController();
  const both = AbortSignal.any([signal, controller.signal]);
  const outcomes = await Promise.allSettled(
    options.platforms.map(async (platform) => {
      try {
        return await kit.engine.build.solve(
          requestOf(options, definition, platform, job),
          client,
          both,
        );
      } catch (error) {
        controller.abort(new DuetError("canceled", "CANCELED", "another platform's build failed"));
        throw error;
      }
    }),
  );
  const results: [name: string, result: BuildResult][] = [];
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") results.push([newName(), outcome.value]);
  }
  // From here on the job ends them, also where another has failed.
  for (const [name, result] of results) job.results.set(name, result);
  const failures = outcomes.flatMap((one) =>
    one.status === "rejected" ? [one.reason as unknown] : [],
  );
  if (failures.length > 0) throw firstCause(failures);
  return gatewayResult(results, options.multiPlatform);
}

/** The failure that the others were ended for. */
function firstCause(failures: readonly unknown[]): unknown {
  const isCause = (error: unknown): boolean =>
    !(error instanceof DuetError && error.class === "canceled");
  return failures.find(isCause) ?? failures[0];
}

function newName(): string {
  return randomBytes(16).toString("hex");
}

function requestOf(
  options: BuildOptions,
  { source }: Definition,
  platform: Platform,
  job: Job,
): BuildRequest {
  const { entitlements } = job.request;
  return {
    dockerfile: { name: source.name, content: source.content },
    buildArguments: options.buildArguments,
    target: options.target,
    platform,
    showPlatform: options.multiPlatform,
    labels: options.labels,
    contexts: Object.fromEntries(
      [...options.contexts].map(([name, place]) => [name, readContext(name, place)]),
    ),
    noCache: options.noCache,
    pull: options.pull,
    cacheFrom: options.cacheFrom,
    isolation: options.isolation,
    network: options.network,
    extraHosts: options.extraHosts,
    resources: options.resources,
    sharedMemorySize: options.sharedMemorySize,
    allowInsecure: entitlements.includes("security.insecure"),
    allowHostNetwork: entitlements.includes("network.host") || options.network === "host",
    epoch: options.epoch,
    inlineCache: options.inlineCache,
  };
}

function readContext(name: string, place: string): { readonly image: string } | "files" {
  if (place.startsWith("local:")) return "files";
  const image = /^docker-image:(?:\/\/)?(.+)$/.exec(place)?.[1];
  if (image !== undefined) return { image };
  throw new DuetError(
    "unsupported",
    "BUILD_CONTEXT",
    `the build context ${JSON.stringify(name.slice(0, 100))} is of a kind that is not supported: ${JSON.stringify(place.slice(0, 100))}`,
    { hint: "a further context may be a folder, or docker-image:// and an image's name" },
  );
}

export function platformName({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

function gatewayResult(
  results: readonly (readonly [name: string, result: BuildResult])[],
  byPlatform: boolean,
): GatewayResult {
  const platforms = results.map(([, { platform }]) => ({
    ID: platformName(platform),
    Platform: platform,
  }));
  const metadata = new Map<string, Buffer>([
    ["refs.platforms", Buffer.from(JSON.stringify({ Platforms: platforms }))],
  ]);
  for (const [, { platform, config }] of results) {
    const suffix = byPlatform ? `/${platformName(platform)}` : "";
    metadata.set(`containerimage.config${suffix}`, config);
  }
  if (!byPlatform) {
    return { reference: { id: results[0]![0] }, references: undefined, metadata };
  }
  const byKey = new Map(results.map(([id, { platform }]) => [platformName(platform), { id }]));
  return { reference: undefined, references: { byKey }, metadata };
}
