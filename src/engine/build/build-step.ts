import { goQuote } from "../../domain/build/dockerfile-error.ts";
import type { FileTree } from "../../domain/build/files.ts";
import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type {
  CopyOperation,
  Operation,
  RunOperation,
  WorkdirOperation,
} from "../../domain/build/operation.ts";
import type { PlannedStep } from "../../domain/build/plan.ts";
import { StepFailure } from "../../domain/build/step-failure.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Platform } from "../../domain/image.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import { DuetError, isDuetError, prefixed } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { Scope } from "../../kit/scope.ts";
import type { Turns } from "../../kit/turns.ts";
import { runtimeOf } from "../containers/runtime-of.ts";
import type { EngineContext } from "../context.ts";
import type { StepOutput } from "./build-work.ts";
import type { ContentDigests } from "./content-digests.ts";
import type { BuildClient, BuildRequest } from "./build.ts";
import { commitFolder, folderSession, stepRoot, type StepResult } from "./commit-step.ts";
import {
  type Owner,
  type ReadySources,
  copySources,
  lookUpOwner,
  readySources,
  standsAlone,
} from "./copy-step.ts";
import { inNamespace } from "./cache-mounts.ts";
import { askClient, type ClientGifts } from "./client-gifts.ts";
import { commitMachine } from "./machine-step.ts";
import { emptyStack, topOf, type LayerStack } from "./layer-stack.ts";
import { OutputTail } from "./output-tail.ts";
import type { RemoteFiles } from "./remote-files.ts";
import { makeMounts, mountPlaces } from "./run-mounts.ts";
import { newStepId, runProcess } from "./run-process.ts";
import { checkPlatform, prepareRun, type ReadyRun } from "./run-sources.ts";
import { stepKey, type KeyPart } from "./step-key.ts";
import { withinRoom } from "./step-room.ts";
import type { StepSources } from "./step-sources.ts";

/** What the steps of one build have in common. */
export interface StepContext {
  readonly engine: EngineContext;
  readonly request: BuildRequest;
  readonly client: BuildClient;
  readonly sources: StepSources;
  readonly remote: RemoteFiles;
  readonly digests: ContentDigests;
  /** Steps of this build that have asked the client for what they need, and run or wait to. */
  readonly asking: Turns;
  readonly signal: AbortSignal;
}

/** A step that is known by what it will do, not yet done. */
export interface ReadyStep {
  readonly key: Digest;
  /** The key by which caches that leave this host name it: with all that their layers depend on. */
  readonly sharedKey: Digest;
  readonly parents: readonly Digest[];
  /** A layer that does not look at what is below. */
  readonly alone: boolean;
  /** Whether the key counts no epoch: an entry of another is the result but for times. */
  readonly isTimeless: boolean;
  /** Whether builds of other clients may wait for it instead of doing it themselves. */
  readonly shareable: boolean;
  /** Gets from the client what the step needs of it. */
  ask(): Promise<ClientGifts>;
  execute(tell: (output: StepOutput) => void, gifts: ClientGifts): Promise<BuildCacheEntry>;
}

/** What a step stands on. */
export interface Ground {
  readonly stack: LayerStack;
  /** Key of the step that made it. */
  readonly key: Digest | null;
  /** What counts of it for a step that takes no files; see `groundOn`. */
  readonly identity: Digest | null;
}

/**
 * What counts of layers for the steps on them: their content, but with an epoch for RUN and WORKDIR, on what made
 * them, so that another epoch, which changes their times, leaves the cache its worth.
 */
export function groundOn(build: StepContext, stack: LayerStack, made: ReadyStep): Digest | null {
  return build.request.epoch !== null && made.isTimeless ? made.key : topOf(stack);
}

/** Reads all that decides what a step gives. */
export async function readyStep(
  build: StepContext,
  step: PlannedStep & { readonly operation: Operation },
  ground: Ground,
  platform: Platform,
): Promise<ReadyStep> {
  const { operation } = step;
  if (operation.kind === "run") return await readyRun(build, step, operation, ground, platform);
  if (operation.kind === "copy") return await readyCopy(build, step, operation, ground, platform);
  return await readyFolder(build, step, operation, ground);
}

function parentsOf(before: Digest | null): readonly Digest[] {
  return before === null ? [] : [before];
}

function keyOf(build: StepContext, below: LayerStack | null, parts: readonly KeyPart[]): Digest {
  const chain = below === null ? "alone" : topOf(below);
  return stepKey([chain, build.request.epoch, ...parts]);
}

/** That of a step whose result under another epoch is the same but for times. */
function timelessKey(build: StepContext, { identity }: Ground, parts: readonly KeyPart[]): Digest {
  return stepKey([identity, build.request.epoch === null ? null : "cut", ...parts]);
}

function timeless(
  { request }: StepContext,
  key: Digest,
): Pick<ReadyStep, "key" | "sharedKey" | "isTimeless"> {
  const sharedKey = request.epoch === null ? key : stepKey([key, request.epoch]);
  return { key, sharedKey, isTimeless: true };
}

async function readyRun(
  build: StepContext,
  step: PlannedStep,
  asked: RunOperation,
  ground: Ground,
  platform: Platform,
): Promise<ReadyStep> {
  const { hostname } = build.request;
  const operation = inNamespace(build.request, asked);
  const ready = await prepareRun(build, operation, platform);
  const named = hostname === undefined ? [] : ["hostname", hostname];
  const key = timelessKey(build, ground, ["run", ...ready.identity, ...named]);
  const parents = [...parentsOf(ground.key), ...ready.parents];
  const result = { key, parents, below: ground.stack, alone: false, ...described(build, step) };
  return {
    ...timeless(build, key),
    ...{ parents, alone: false },
    shareable: !operation.mounts.some(({ kind }) => kind === "secret" || kind === "ssh"),
    ask: () => askClient(build.client, operation.mounts, build.signal),
    execute: async (tell, gifts) => {
      // What a cache has needs nothing that could run it.
      await checkPlatform(platform, ready.isolation);
      const execute = async (): Promise<BuildCacheEntry> =>
        await executeRun(build, step, operation, ready, result, gifts, tell);
      if (ready.isolation !== "vm") return await execute();
      return await build.engine.builds.machineTurns.run(build.signal, execute);
    },
  };
}

function described(
  build: StepContext,
  step: PlannedStep,
): Pick<StepResult, "description" | "epoch"> {
  return { description: step.name, epoch: build.request.epoch };
}

/** Bytes of the last output that a failure tells. */
const toldOutput = 64 << 10;

async function executeRun(
  build: StepContext,
  step: PlannedStep,
  operation: RunOperation,
  ready: ReadyRun,
  result: StepResult,
  gifts: ClientGifts,
  tell: (output: StepOutput) => void,
): Promise<BuildCacheEntry> {
  const { engine, request, signal } = build;
  const { isolation } = ready;
  const runtime = runtimeOf(engine, isolation);
  await using scope = new Scope();
  const id = newStepId();
  const { name, root } = await stepRoot(engine, scope, runtime.rootKind, result.below, signal);
  const below = (): Promise<FileTree> => build.sources.viewOf(result.below, signal);
  const finding = mountPlaces(engine, operation.mounts, below, signal);
  // Nobody asks where the step fails.
  const found = finding.catch(() => undefined);
  scope.defer(async () => void (await found));
  const tail = new OutputTail(toldOutput);
  {
    await using running = new Scope();
    await ready.reserveState(running, id);
    const { mounts, files } = operation;
    const made = await makeMounts(
      engine,
      running,
      { ...{ id, isolation, gifts, mounts, files }, tree: ready.tree },
      signal,
    );
    const process = { id, operation, root, mounts: made.mounts, env: made.env };
    const hear = (output: StepOutput): void => {
      tail.add(output.data);
      tell(output);
    };
    const { exit, workload } = await withinRoom(
      engine,
      { kind: root.kind, name },
      signal,
      async (signal) => {
        try {
          return await runProcess(engine, running, runtime, request, process, hear, signal);
        } catch (error) {
          throw isDuetError(error, "invalid") ? prefixed(didNotComplete(operation), error) : error;
        }
      },
    );
    if (exit.code !== 0 || exit.error !== undefined)
      throw processFailed(step, operation, exit, tail.bytes());
    await failpoint("build.ran");
    if (root.kind === "block") {
      engine.builds.written.delete(name);
      const mountPoints = await finding;
      return await commitMachine(engine, workload, result, mountPoints, signal);
    }
  }
  return await commitFolder(engine, result, { name, root, mountPoints: await finding }, signal);
}

/** BuildKit's words. */
function didNotComplete({ argv }: RunOperation): string {
  return `process ${goQuote(argv.join(" "))} did not complete successfully`;
}

function processFailed(
  step: PlannedStep,
  operation: RunOperation,
  exit: { readonly code: number; readonly outOfMemory: boolean; readonly error?: string },
  output: Buffer,
): StepFailure {
  const why = exit.outOfMemory ? ": cannot allocate memory" : "";
  const cause = new DuetError(
    "invalid",
    "STEP_FAILED",
    `${didNotComplete(operation)}: ${exit.error ?? `exit code: ${exit.code}${why}`}`,
  );
  const place = { step: step.name, range: step.range };
  return new StepFailure(place, cause, { exitCode: exit.code, argv: operation.argv, output });
}

async function readyCopy(
  build: StepContext,
  step: PlannedStep,
  operation: CopyOperation,
  { stack: below, key: before }: Ground,
  platform: Platform,
): Promise<ReadyStep> {
  const { engine, sources, signal } = build;
  const taken: Digest[] = [];
  const tree = async (from: Parameters<StepSources["get"]>[0]) => {
    const found = await sources.get(from, platform, signal);
    if (found.stage !== null && found.stage.key !== null) taken.push(found.stage.key);
    return found;
  };
  const ready = await readySources(build, operation, tree);
  const { mounts } = await sources.viewOf(below, signal);
  const owner = await lookUpOwner(engine, operation.owner, mounts, signal);
  const alone = await standsAlone(engine, operation, mounts, signal);
  const key = keyOf(build, alone ? null : below, [
    ...["copy", ready.identity, operation.destination, operation.mode],
    ...[owner === null ? null : [owner.uid, owner.gid], operation.parents],
  ]);
  const parents = [...parentsOf(alone ? null : before), ...taken];
  const result = { key, parents, below, alone, ...described(build, step) };
  return {
    ...{ key, sharedKey: key, parents, alone, isTimeless: false, shareable: true },
    ask: () => askClient(build.client, [], signal),
    execute: async () => await executeCopy(build, operation, ready, owner, result),
  };
}

async function executeCopy(
  build: StepContext,
  operation: CopyOperation,
  ready: ReadySources,
  owner: Owner | null,
  result: StepResult,
): Promise<BuildCacheEntry> {
  const { request } = build;
  return await onFolder(build, result, async (root, signal) => {
    await copySources(
      build.engine,
      operation,
      ready,
      { root, owner, epoch: request.epoch },
      signal,
    );
  });
}

/** Changes a root without running anything, and keeps it. */
async function onFolder(
  build: StepContext,
  result: StepResult,
  change: (root: RootSource, signal: AbortSignal) => Promise<void>,
): Promise<BuildCacheEntry> {
  const { engine, signal } = build;
  await using scope = new Scope();
  const below = result.alone ? emptyStack : result.below;
  const { name, root } = await stepRoot(engine, scope, "directory", below, signal);
  const { kind } = root;
  await using session = await folderSession(engine, root, signal);
  // Its helper starts beside those that change the root.
  session.readyLayer(signal);
  await withinRoom(engine, { kind, name }, signal, async (signal) => await change(root, signal));
  await failpoint("build.copied");
  return await commitFolder(engine, result, { name, root, mountPoints: null, session }, signal);
}

async function readyFolder(
  build: StepContext,
  step: PlannedStep,
  operation: WorkdirOperation,
  ground: Ground,
): Promise<ReadyStep> {
  const { engine, sources, signal } = build;
  const { stack: below } = ground;
  const { mounts } = await sources.viewOf(below, signal);
  const { user } = step.process;
  const owner = (await lookUpOwner(engine, user, mounts, signal)) ?? { uid: 0, gid: 0 };
  const key = timelessKey(build, ground, ["workdir", operation.path, owner.uid, owner.gid]);
  const parents = parentsOf(ground.key);
  const result = { key, parents, below, alone: false, ...described(build, step) };
  return {
    ...timeless(build, key),
    ...{ parents, alone: false, shareable: true },
    ask: () => askClient(build.client, [], signal),
    execute: async () =>
      await onFolder(build, result, async (root) => {
        const into = root.kind === "directory" ? root.mounts : [];
        const { path } = operation;
        await engine.buildFiles.makeFolder(into, path, owner, build.request.epoch, signal);
      }),
  };
}
