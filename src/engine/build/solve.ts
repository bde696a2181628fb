import { randomBytes } from "node:crypto";
import type { Digest } from "../../domain/digest.ts";
import { canceled } from "../../kit/abort.ts";
import type { EngineContext } from "../context.ts";
import type { ImageUseCases } from "../image-use-cases.ts";
import { BaseImages } from "./base-images.ts";
import type { StepContext } from "./build-step.ts";
import { ContentDigests } from "./content-digests.ts";
import type { CopyOperation } from "../../domain/build/operation.ts";
import type { Platform } from "../../domain/image.ts";
import type { BuildClient, BuildPlanned, BuildRequest, BuildResult } from "./build.ts";
import { importCache, type ImportedEntry } from "./imported-cache.ts";
import { noteUses } from "./build-cache.ts";
import { dropCacheMounts, inNamespace } from "./cache-mounts.ts";
import { neededPaths, planBuild, type BuildPlan } from "./planning.ts";
import { RemoteFiles } from "./remote-files.ts";
import { buildResult } from "./result.ts";
import { isUncached, runStage, type StageRunner, type StageState } from "./stage-run.ts";
import { StepSources } from "./step-sources.ts";
import { tellWarning } from "./vertex.ts";

/** What a build would do, without doing it. */
export async function planOnly(
  context: EngineContext,
  images: ImageUseCases,
  request: BuildRequest,
  client: BuildClient,
  signal: AbortSignal,
): Promise<BuildPlanned> {
  using bases = new BaseImages(context, images, { request, client, identity: newIdentity() });
  return plannedOf(await planBuild(request, bases, signal));
}

function plannedOf({ graph, stages }: BuildPlan): BuildPlanned {
  const plans = [...stages.values()].map(({ plan }) => plan);
  return { graph, plans, warnings: warningsOf(graph.warnings, plans) };
}

/** Builds a target. The stages that it needs run side by side, each after what it stands on or takes files from. */
export async function solve(
  context: EngineContext,
  images: ImageUseCases,
  request: BuildRequest,
  client: BuildClient,
  signal: AbortSignal,
): Promise<BuildResult> {
  const identity = newIdentity();
  using bases = new BaseImages(context, images, { request, client, identity });
  // Apart from the bases: the result does not stand on what only spares work.
  using caches = new BaseImages(context, images, { request, client, identity });
  const plan = await planBuild(request, bases, signal);
  client.planned?.(plannedOf(plan));
  tellWarnings(client, plan);
  using uses = new DisposableStack();
  const stop = new AbortController();
  let failure: unknown;
  const build = new Build(context, {
    ...{ request, client, identity, bases, caches, plan, uses },
    signal: AbortSignal.any([signal, stop.signal]),
    fail: (error) => {
      // Those beside it are broken off, and fail for that.
      if (stop.signal.aborted) return;
      failure = error;
      stop.abort(canceled("another stage has failed"));
    },
  });
  try {
    await beginAnew(context, request, plan, signal);
    const { target } = plan.graph;
    const state = await build.stage(target);
    const { plan: stage } = plan.stages.get(target)!;
    uses.use(context.builds.hold(state.stack));
    const materials = await bases.materials();
    const states = await build.states();
    return buildResult(context, { request, stage, state, states, materials, uses });
  } catch (error) {
    throw failure ?? error;
  } finally {
    stop.abort(canceled("the build has ended"));
    await build.end();
  }
}

/** Where the cache is not wanted, neither are the cache mounts of the steps: as with BuildKit they begin empty. */
async function beginAnew(
  context: EngineContext,
  request: BuildRequest,
  { stages }: BuildPlan,
  signal: AbortSignal,
): Promise<void> {
  const uncached = [...stages.values()].filter((planned) => isUncached(request, planned));
  const ids = uncached.flatMap(({ plan }) =>
    plan.steps.flatMap(({ operation }) => {
      const mounts = operation?.kind === "run" ? inNamespace(request, operation).mounts : [];
      return mounts.flatMap((mount) => (mount.kind === "cache" ? [mount.id] : []));
    }),
  );
  for (const id of new Set(ids)) await dropCacheMounts(context, id, signal);
}

function newIdentity(): string {
  return randomBytes(16).toString("hex");
}

interface BuildParts {
  readonly request: BuildRequest;
  readonly client: BuildClient;
  readonly identity: string;
  readonly bases: BaseImages;
  readonly caches: BaseImages;
  readonly plan: BuildPlan;
  readonly uses: DisposableStack;
  readonly signal: AbortSignal;
  /** Told of each stage that failed: without it there is no result. */
  readonly fail: (error: unknown) => void;
}

/** The stages of one build as they run. */
class Build implements StageRunner {
  readonly build: StepContext;
  readonly identity: string;
  readonly uses: DisposableStack;
  readonly hits = new Set<Digest>();
  private readonly plan: BuildPlan;
  private readonly caches: BaseImages;
  private readonly fail: BuildParts["fail"];
  private readonly begun = new Map<number, Promise<StageState>>();
  private importing: Promise<ReadonlyMap<Digest, ImportedEntry>> | undefined;

  constructor(engine: EngineContext, parts: BuildParts) {
    const { request, client, identity, plan, bases, caches, uses, signal } = parts;
    this.identity = identity;
    this.uses = uses;
    this.plan = plan;
    this.caches = caches;
    this.fail = parts.fail;
    const sources = new StepSources(engine, {
      ...{ request, client, images: bases },
      only: (name) => neededPaths(plan, name),
      stage: (index) => this.stage(index),
    });
    const remote = new RemoteFiles(engine.buildSources, client);
    const digests = new ContentDigests(engine.buildFiles);
    const asking = engine.builds.asking();
    this.build = { engine, request, client, sources, remote, digests, asking, signal };
  }

  async imported(): Promise<ReadonlyMap<Digest, ImportedEntry>> {
    const { engine, request, signal } = this.build;
    this.importing ??= importCache(
      engine,
      this.caches,
      request.cacheFrom,
      request.platform,
      signal,
    );
    return await this.importing;
  }

  async stage(index: number): Promise<StageState> {
    const known = this.begun.get(index);
    if (known !== undefined) return await known;
    const planned = this.plan.stages.get(index)!;
    const running = this.begin(planned);
    running.catch(this.fail);
    this.begun.set(index, running);
    return await running;
  }

  /** Of the stages that were run. */
  async states(): Promise<readonly StageState[]> {
    return await Promise.all(this.begun.values());
  }

  /** Waits for what has begun, and gives back what only a running build needs. Never fails: the result stands. */
  async end(): Promise<void> {
    const { engine, sources, remote, digests } = this.build;
    await Promise.allSettled(this.begun.values());
    await digests.end();
    try {
      await using held = new AsyncDisposableStack();
      held.use(remote);
      held.use(sources);
      noteUses(engine, [...this.hits]);
    } catch (error) {
      engine.log.warn("build-not-ended-well", { error });
    }
  }

  /** What a stage will need is begun at once, not when it is come to. */
  private async begin(planned: Parameters<typeof runStage>[1]): Promise<StageState> {
    const { stage, takesFrom } = planned.plan;
    const { sources, signal } = this.build;
    const wanted = [
      ...stage.takesFrom.map((index) => this.stage(index)),
      ...takesFrom.map((from) =>
        from.kind === "stage" ? this.stage(from.index) : sources.get(from, stage.platform, signal),
      ),
    ];
    for (const one of wanted) void one.catch(() => undefined);
    for (const { operation } of planned.plan.steps) {
      if (operation?.kind === "copy") this.lookAhead(operation, stage.platform);
    }
    return await runStage(this, planned);
  }

  /** What a COPY takes of other stages is digested beside the steps before it. */
  private lookAhead(operation: CopyOperation, platform: Platform): void {
    const { sources, digests, signal } = this.build;
    const { exclude, parents } = operation;
    for (const source of operation.sources) {
      if (source.kind !== "files" || source.from.kind !== "stage") continue;
      const { path, unpack, from } = source;
      const selection = sources
        .get(from, platform, signal)
        .then(({ files }) => ({ files, path, exclude, parents, unpack }));
      digests.begin(selection, signal);
    }
  }
}

function tellWarnings(client: BuildClient, { graph, stages }: BuildPlan): void {
  const plans = [...stages.values()].map(({ plan }) => plan);
  for (const warning of warningsOf(graph.warnings, plans)) tellWarning(client, warning);
}

function warningsOf(
  first: BuildPlan["graph"]["warnings"],
  plans: readonly { readonly warnings: BuildPlan["graph"]["warnings"] }[],
): BuildPlan["graph"]["warnings"] {
  return [...first, ...plans.flatMap(({ warnings }) => warnings)];
}
