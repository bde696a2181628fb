import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { CopySource } from "../../domain/build/operation.ts";
import type { PlannedStep } from "../../domain/build/plan.ts";
import { StepFailure } from "../../domain/build/step-failure.ts";
import type { Digest } from "../../domain/digest.ts";
import type { ImageHistory } from "../../domain/image.ts";
import { isDuetError } from "../../kit/errors.ts";
import { freeingWhatIsLeft } from "../images/store-room.ts";
import { ensureStack, findCached } from "./build-cache.ts";
import { groundOn, readyStep, type ReadyStep, type StepContext } from "./build-step.ts";
import type { BuildRequest } from "./build.ts";
import { withStep, type StepHistory } from "./history.ts";
import { emptyStack, onTop, topOf, type LayerStack } from "./layer-stack.ts";
import type { ImportedEntry } from "./imported-cache.ts";
import type { PlannedStage } from "./planning.ts";
import { retimed } from "./retime-step.ts";
import { Vertex } from "./vertex.ts";

/** A stage's state after some of its steps. */
export interface StageState {
  readonly stack: LayerStack;
  readonly key: Digest | null;
  /** As `Ground`'s. */
  readonly identity: Digest | null;
  readonly baseHistory: readonly ImageHistory[];
  readonly history: readonly StepHistory[];
  readonly vertex: Digest | null;
  /** Of each layer the step that made it; null for those of a base image. */
  readonly origins: readonly (LayerOrigin | null)[];
}

export interface LayerOrigin {
  readonly key: Digest;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export interface StageRunner {
  readonly build: StepContext;
  readonly identity: string;
  /** Things to be given back when the build's result is no longer wanted. */
  readonly uses: DisposableStack;
  /** Entries of the cache that served. */
  readonly hits: Set<Digest>;
  /** Results that images of `cacheFrom` bring, by key. */
  imported(): Promise<ReadonlyMap<Digest, ImportedEntry>>;
  stage(index: number): Promise<StageState>;
}

/** Brings a stage to its end. */
export async function runStage(runner: StageRunner, planned: PlannedStage): Promise<StageState> {
  const { plan } = planned;
  let state = await beginning(runner, planned);
  for (const [index, step] of plan.steps.entries()) {
    const isForced = isUncached(runner.build.request, planned);
    state = await runStep(runner, planned, step, `${plan.stage.index}.${index}`, state, isForced);
  }
  return state;
}

/** Whether a stage's steps are to run though they are cached. */
export function isUncached(
  { noCache }: Pick<BuildRequest, "noCache">,
  { plan }: PlannedStage,
): boolean {
  if (typeof noCache === "boolean") return noCache;
  const { name, label } = plan.stage;
  return noCache.some((wanted) => wanted === label || wanted.toLowerCase() === name?.toLowerCase());
}

async function beginning(runner: StageRunner, planned: PlannedStage): Promise<StageState> {
  const { build, identity } = runner;
  const { plan, image } = planned;
  const { base } = plan.stage;
  if (base.kind === "stage") return await runner.stage(base.index);
  if (image !== null) {
    const name = `${plan.baseName} ${image.shown}`.trim();
    const vertex = new Vertex(build.client, name, `${identity} ${plan.stage.index}`);
    const stack = { layers: image.record.layers, diffIds: image.record.diffIds };
    await vertex.run(async () => {
      await ensureStack(build.engine, stack, build.signal);
      return { value: undefined, cached: true };
    });
    const baseHistory = image.record.history;
    const origins = stack.layers.map(() => null);
    const begun = { stack, key: null, identity: topOf(stack), baseHistory, origins };
    return { ...begun, history: [], vertex: vertex.digest };
  }
  const nothing: StageState = {
    ...{ stack: emptyStack, key: null, identity: null, baseHistory: [], history: [], vertex: null },
    origins: [],
  };
  if (base.kind !== "context") return nothing;
  return await runStep(
    runner,
    planned,
    copyOf(base.name, planned),
    `${plan.stage.index}`,
    nothing,
    false,
  );
}

/** A stage that stands on a client's files begins with a copy of them all. */
function copyOf(context: string, { plan }: PlannedStage): PlannedStep {
  const source: CopySource = {
    kind: "files",
    from: { kind: "context", name: context },
    path: "/",
    unpack: false,
  };
  return {
    name: `${plan.baseName} ${context}`.trim(),
    ...{
      text: `FROM ${context}`,
      isTrigger: false,
      range: plan.stage.range,
      process: plan.process,
    },
    operation: {
      kind: "copy",
      sources: [source],
      destination: "/",
      owner: null,
      mode: null,
      ...{ link: false, parents: false, exclude: [] },
    },
    history: { createdBy: `FROM ${context}`, comment: "buildkit.dockerfile.v0" },
  };
}

async function runStep(
  runner: StageRunner,
  planned: PlannedStage,
  step: PlannedStep,
  place: string,
  state: StageState,
  isForced: boolean,
): Promise<StageState> {
  const { build, identity, uses } = runner;
  build.signal.throwIfAborted();
  const { operation } = step;
  if (operation === null) {
    return { ...state, history: withStep(state.history, step, null) };
  }
  const inputs = state.vertex === null ? [] : [state.vertex];
  const vertex = new Vertex(build.client, step.name, `${identity} ${place}`, inputs);
  try {
    const { platform } = planned.plan.stage;
    const ready = await vertex.preparing(
      async () => await readyStep(build, { ...step, operation }, state, platform),
    );
    const entry = await vertex.run(
      async () => await solved(runner, ready, state.stack, vertex, isForced),
    );
    const history = withStep(state.history, step, entry.createdAt);
    const stack = onTop(state.stack, entry);
    // What was made on other layers, or on none, holds only itself.
    uses.use(build.engine.builds.hold(stack));
    const origins = [...state.origins, { key: ready.sharedKey, createdAt: entry.createdAt }];
    const identity = groundOn(build, stack, ready);
    return { ...state, stack, key: ready.key, identity, history, vertex: vertex.digest, origins };
  } catch (error) {
    if (error instanceof StepFailure || isDuetError(error, "canceled")) throw error;
    throw new StepFailure({ step: step.name, range: step.range }, error);
  }
}

async function solved(
  runner: StageRunner,
  ready: ReadyStep,
  below: LayerStack,
  vertex: Vertex,
  isForced: boolean,
): Promise<{ readonly value: BuildCacheEntry; readonly cached: boolean }> {
  const { build, uses, hits } = runner;
  const { engine, signal } = build;
  const { builds } = engine;
  uses.use(builds.use(ready.key));
  const hold = (entry: BuildCacheEntry): BuildCacheEntry => {
    uses.use(builds.hold(entry));
    return entry;
  };
  const cached = isForced ? undefined : await findCached(engine, ready.key, hold);
  if (cached !== undefined) {
    hits.add(ready.key);
    const { epoch } = build.request;
    const isTimely = !ready.isTimeless || epoch === null || epoch === cached.epoch;
    if (isTimely) return { value: cached, cached: true };
    return { value: hold(await retimed(engine, cached, below, epoch, signal)), cached: true };
  }
  const imported = isForced ? undefined : (await runner.imported()).get(ready.sharedKey);
  if (imported !== undefined && (await imported.bring(signal))) {
    return { value: hold(imported.entry), cached: true };
  }
  const hear = (output: { stream: "stdout" | "stderr"; at: number; data: Uint8Array }): void =>
    vertex.log(output.stream, output.at, output.data);
  const inTurn = async (tell: typeof hear): Promise<BuildCacheEntry> => {
    await using gifts = await ready.ask();
    return await builds.turns.run(signal, async () =>
      hold(await freeingWhatIsLeft(engine, async () => await ready.execute(tell, gifts))),
    );
  };
  // One client alone cannot have its secrets held in memory without end.
  const execute = (tell: typeof hear): Promise<BuildCacheEntry> =>
    build.asking.run(signal, () => inTurn(tell));
  const entry =
    ready.shareable && !isForced
      ? await builds.once(ready.key, hear, signal, execute)
      : await execute(hear);
  return { value: hold(entry), cached: false };
}
