import type { StagePlan } from "../../domain/build/plan.ts";
import type { Platform } from "../../domain/image.ts";
import { writeImageConfig } from "../../domain/write-image.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { ensureStack } from "./build-cache.ts";
import type { BuildRequest, BuildResult } from "./build.ts";
import { datedHistory } from "./history.ts";
import { withLayerKeys } from "./imported-cache.ts";
import { chainOf } from "./export-cache.ts";
import { topOf, type LayerStack } from "./layer-stack.ts";
import type { StageState } from "./stage-run.ts";

/** A target that has been built, held until its disposal. */
export function buildResult(
  context: EngineContext,
  made: {
    readonly request: BuildRequest;
    readonly stage: StagePlan;
    readonly state: StageState;
    /** Of all stages that were run. */
    readonly states: readonly StageState[];
    readonly materials: BuildResult["materials"];
    /** What keeps the layers here; the result's from its making on. */
    readonly uses: DisposableStack;
  },
): BuildResult {
  const { request, stage, state } = made;
  const history = datedHistory(state.baseHistory, state.history, request.epoch);
  const { process, author } = stage;
  const platform: Platform = stage.stage.platform;
  const { stack } = state;
  const created =
    request.epoch === null
      ? (history.at(-1)?.created ?? new Date().toISOString())
      : new Date(request.epoch * 1_000).toISOString();
  const { diffIds } = stack;
  const layers = stack.layers.map((layer, index) => ({
    ...layer,
    isOwn: state.origins[index] !== null,
  }));
  const plain = writeImageConfig({ platform, created, author, process, history, diffIds });
  const config = request.inlineCache ? withLayerKeys(plain, state.origins) : plain;
  const held = made.uses.move();
  return {
    ...{ platform, process, author, history, layers, diffIds, config },
    materials: made.materials,
    steps: (all) => (all ? made.states : [state]).map(chainOf),
    tree: (signal) => wholeTree(context, stack, signal),
    [Symbol.asyncDispose]: async () => held.dispose(),
  };
}

async function* wholeTree(
  context: EngineContext,
  stack: LayerStack,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  await ensureStack(context, stack, signal);
  const mounts = await context.snapshotters.directory.view?.(topOf(stack));
  if (mounts === undefined) {
    throw new DuetError("unsupported", "NO_VIEW", "layers of this host are no folders");
  }
  await using session = await context.rootfs.open(
    { kind: "mounts", mounts, readonly: true },
    signal,
  );
  yield* session.wholeTree(signal);
}
