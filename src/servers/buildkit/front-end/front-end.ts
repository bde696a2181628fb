import { randomBytes } from "node:crypto";
import { parseDockerfile } from "../../../domain/build/dockerfile.ts";
import type { Platform } from "../../../domain/image.ts";
import { formatPlatform } from "../../../domain/platform.ts";
import type { BuildClient, BuildRequest, BuildResult } from "../../../engine/build/build.ts";
import { DuetError, isDuetError } from "../../../kit/errors.ts";
import { compileIgnore } from "../../../kit/patterns/ignore.ts";
import type { GatewayResult } from "../../../spec/buildkit/gateway.ts";
import type { Definition } from "../../../spec/buildkit/solver.ts";
import type { Job } from "../control/job.ts";
import type { BuildKit } from "../service.ts";
import type { Session } from "../session/session.ts";
import {
  loadDefinition,
  loadIgnorePatterns,
  missing,
  type Definition as LoadedDefinition,
} from "./definition.ts";
import { readOptions, type BuildOptions } from "./options.ts";
import { cacheSources } from "./cache-sources.ts";
import { contextsFor } from "./given-contexts.ts";
import { readGraph, resultGraph } from "./graph.ts";
import {
  loadRemoteContext,
  placeOf,
  readPlace,
  type RemoteContext,
  type RemotePlace,
} from "./remote-context.ts";
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
  asked: FrontEndRequest,
  signal: AbortSignal,
): Promise<GatewayResult> {
  const { inputs } = asked;
  const options = readOptions(asked.options);
  job.options = options;
  checkSyntax(options.syntax);
  const place = mainPlace(options, inputs);
  await using remote =
    place === null ? null : await loadRemoteContext(kit, job, session, place, signal);
  const definition = await definitionOf(kit, job, session, options, remote, signal);
  job.source = definition.source;
  if (options.syntax === "") {
    checkSyntax(parseDockerfile(definition.source.content).directives.get("syntax")?.value ?? "");
  }
  const mainIgnore =
    remote === null ? await ignoreOf(job, session, options, definition, signal) : [];
  checkPatterns(mainIgnore);
  await using client = new SessionClient({
    ...{ kit, job, session, options, inputs, mainIgnore, remote },
  });
  const isQuestion = options.request !== "";
  const given = { places: options.contexts, inputs, isQuestion };
  const cacheFrom = await cacheSources(session, options.cacheImports, signal);
  const requestFor = async (platform: Platform): Promise<BuildRequest> => {
    const contexts = await contextsFor(kit, session, given, platform, signal);
    return requestOf(options, definition, platform, job, { contexts, cacheFrom });
  };
  if (isQuestion) {
    const request = await requestFor(options.platforms[0]!);
    return await answerRequest(kit, options.request, request, client, signal);
  }
  const requests = await Promise.all(options.platforms.map(requestFor));
  return await buildAll(kit, job, { requests, byPlatform: options.multiPlatform }, client, signal);
}

/** What a client asks of the front end. */
export interface FrontEndRequest {
  readonly options: ReadonlyMap<string, string>;
  /** Graphs that stand for contexts. */
  readonly inputs: ReadonlyMap<string, Definition>;
}

/** Name of the main context among the inputs. */
const mainContext = "context";

/** Where the main context is fetched from; null where the session has it. */
function mainPlace(options: BuildOptions, inputs: FrontEndRequest["inputs"]): RemotePlace | null {
  const graph = inputs.get(mainContext);
  if (graph === undefined) {
    return options.contextUrl === "" ? null : placeAsAsked(options);
  }
  return placeOf(readGraph(graph));
}

function placeAsAsked({ contextUrl, keepGitFolder }: BuildOptions): RemotePlace {
  const place = readPlace(contextUrl);
  if (place.kind !== "git" || !keepGitFolder) return place;
  return { ...place, git: { ...place.git, keepGitFolder: place.git.keepGitFolder ?? true } };
}

async function definitionOf(
  kit: BuildKit,
  job: Job,
  session: Session,
  options: BuildOptions,
  remote: RemoteContext | null,
  signal: AbortSignal,
): Promise<LoadedDefinition> {
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
  definition: LoadedDefinition,
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

/** As BuildKit, which compiles them before it asks for any file. */
function checkPatterns(patterns: readonly string[]): void {
  try {
    compileIgnore(patterns);
  } catch (error) {
    if (!isDuetError(error)) throw error;
    const [words = error.message] = /^syntax error in pattern/.exec(error.message) ?? [];
    const hint = words === error.message ? undefined : `in .dockerignore: ${error.message}`;
    throw new DuetError("invalid", error.code, words, hint === undefined ? {} : { hint });
  }
}

async function buildAll(
  kit: BuildKit,
  job: Job,
  wanted: { readonly requests: readonly BuildRequest[]; readonly byPlatform: boolean },
  client: BuildClient,
  signal: AbortSignal,
): Promise<GatewayResult> {
  const controller = new AbortController();
  const both = AbortSignal.any([signal, controller.signal]);
  const outcomes = await Promise.allSettled(
    wanted.requests.map(async (request) => {
      try {
        return await kit.engine.build.solve(request, client, both);
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
  for (const [name, result] of results) await job.keepResult(name, result);
  const failures = outcomes.flatMap((one) =>
    one.status === "rejected" ? [one.reason as unknown] : [],
  );
  if (failures.length > 0) throw firstCause(failures);
  return gatewayResult(results, wanted.byPlatform);
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
  { source }: LoadedDefinition,
  platform: Platform,
  job: Job,
  { contexts, cacheFrom }: Pick<BuildRequest, "contexts" | "cacheFrom">,
): BuildRequest {
  const { entitlements } = job.request;
  return {
    dockerfile: { name: source.name, content: source.content },
    buildArguments: options.buildArguments,
    target: options.target,
    platform,
    showPlatform: options.multiPlatform,
    labels: options.labels,
    contexts,
    noCache: options.noCache,
    pull: options.pull,
    cacheFrom,
    isolation: options.isolation,
    network: options.network,
    extraHosts: options.extraHosts,
    resources: options.resources,
    ...(options.hostname === null ? {} : { hostname: options.hostname }),
    cacheNamespace: options.cacheNamespace,
    sharedMemorySize: options.sharedMemorySize,
    allowInsecure: entitlements.includes("security.insecure"),
    allowHostNetwork: entitlements.includes("network.host") || options.network === "host",
    epoch: options.epoch,
    inlineCache: options.inlineCache || wantsInlineCache(job),
  };
}

function gatewayResult(
  results: readonly (readonly [name: string, result: BuildResult])[],
  byPlatform: boolean,
): GatewayResult {
  const platforms = results.map(([, { platform }]) => ({
    ID: formatPlatform(platform),
    Platform: platform,
  }));
  const metadata = new Map<string, Buffer>([
    ["refs.platforms", Buffer.from(JSON.stringify({ Platforms: platforms }))],
  ]);
  for (const [, { platform, config }] of results) {
    const suffix = byPlatform ? `/${formatPlatform(platform)}` : "";
    metadata.set(`containerimage.config${suffix}`, config);
  }
  if (!byPlatform) {
    return { reference: referenceTo(results[0]![0]), references: undefined, metadata };
  }
  const byKey = new Map(
    results.map(([id, { platform }]) => [formatPlatform(platform), referenceTo(id)]),
  );
  return { reference: undefined, references: { byKey }, metadata };
}

function referenceTo(id: string): NonNullable<GatewayResult["reference"]> {
  return { id, definition: resultGraph(id) };
}

/** `--cache-to type=inline`. */
function wantsInlineCache({ request }: Job): boolean {
  return request.cache?.exports.some(({ type }) => type === "inline") ?? false;
}
