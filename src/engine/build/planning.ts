import { refuseWarnings } from "../../domain/build/checks.ts";
import { parseDockerfile, type Dockerfile } from "../../domain/build/dockerfile.ts";
import type { FilesFrom, Operation } from "../../domain/build/operation.ts";
import type {
  PlanOptions,
  ResolvedBase,
  Stage,
  StageGraph,
  StagePlan,
} from "../../domain/build/plan.ts";
import { planStage } from "../../domain/build/stage-plan.ts";
import { StepFailure } from "../../domain/build/step-failure.ts";
import { checkSettings, readStages } from "../../domain/build/stage-graph.ts";
import { noProcess } from "../../domain/image-config.ts";
import { canceled } from "../../kit/abort.ts";
import { hostPlatform } from "../../domain/registry.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { GivenImage } from "../image-use-cases.ts";
import type { BaseImage, BaseImages } from "./base-images.ts";
import type { BuildRequest } from "./build.ts";

/** A stage whose base is known. */
export interface PlannedStage {
  readonly plan: StagePlan;
  /** The image that it stands on; null for one that stands on a stage, on files or on nothing. */
  readonly image: BaseImage | null;
}

/** All that will be done, before anything is. */
export interface BuildPlan {
  readonly graph: StageGraph;
  /** By index, those that the target needs. */
  readonly stages: ReadonlyMap<number, PlannedStage>;
}

export function planOptions(request: BuildRequest): PlanOptions {
  return {
    buildArguments: request.buildArguments,
    target: request.target,
    platform: request.platform,
    showPlatform: request.showPlatform === true,
    buildPlatform: hostPlatform,
    labels: request.labels,
    contexts: new Set(Object.keys(request.contexts)),
    network: request.network,
  };
}

/** Reads the Dockerfile, resolves the bases of the stages that the target needs, and expands their steps. */
export async function planBuild(
  request: BuildRequest,
  images: BaseImages,
  signal: AbortSignal,
): Promise<BuildPlan> {
  return await new Planning(request, images, signal).all();
}

class Planning {
  private readonly request: BuildRequest;
  private readonly images: BaseImages;
  private readonly signal: AbortSignal;
  private readonly stop = new AbortController();
  private readonly options: PlanOptions;
  private readonly file: Dockerfile;
  private readonly graph: StageGraph;
  private readonly begun = new Map<number, Promise<PlannedStage>>();
  private readonly stages = new Map<number, PlannedStage>();

  constructor(request: BuildRequest, images: BaseImages, signal: AbortSignal) {
    this.request = request;
    this.images = images;
    this.signal = AbortSignal.any([signal, this.stop.signal]);
    this.options = planOptions(request);
    this.file = parseDockerfile(request.dockerfile.content);
    this.graph = readStages(this.file, this.options);
  }

  async all(): Promise<BuildPlan> {
    try {
      await Promise.all(this.graph.needed.map((index) => this.once(index)));
    } finally {
      // Base images beside one that failed are brought for nobody.
      this.stop.abort(canceled("the build has ended"));
      await Promise.allSettled(this.begun.values());
    }
    const warnings = [...this.stages.values()].flatMap(({ plan }) => plan.warnings);
    refuseWarnings(checkSettings(this.file, this.options), [...this.graph.warnings, ...warnings]);
    return { graph: this.graph, stages: this.stages };
  }

  private async once(index: number): Promise<PlannedStage> {
    const known = this.begun.get(index);
    if (known !== undefined) return await known;
    const planning = this.one(index);
    planning.catch(() => undefined);
    this.begun.set(index, planning);
    return await planning;
  }

  private async one(index: number): Promise<PlannedStage> {
    const stage = this.graph.stages[index];
    if (stage === undefined) throw invalid(`there is no stage ${index}`);
    const { base, image } = await this.base(stage);
    const plan = planStage(this.file, this.graph, stage, base, this.options);
    const planned = { plan, image };
    this.stages.set(index, planned);
    const taken = [...stage.takesFrom, ...plan.takesFrom.flatMap(stageIndex)];
    for (const other of new Set(taken)) {
      // Only what comes before, so that no stage waits for itself.
      if (other >= index) throw invalid(`stage ${stage.label} takes files from a later stage`);
      await this.once(other);
    }
    return planned;
  }

  private async image(stage: Stage, reference: string | GivenImage): Promise<BaseImage> {
    try {
      return await this.images.get(reference, stage.platform, this.signal);
    } catch (error) {
      if (isDuetError(error, "canceled")) throw error;
      const name = typeof reference === "string" ? reference : reference.name;
      throw new StepFailure({ step: `FROM ${name}`, range: stage.range }, error);
    }
  }

  private async base(
    stage: Stage,
  ): Promise<{ readonly base: ResolvedBase; readonly image: BaseImage | null }> {
    const { platform } = stage;
    if (stage.base.kind === "stage") {
      if (stage.base.index >= stage.index)
        throw invalid(`stage ${stage.label} stands on a later one`);
      const { plan } = await this.once(stage.base.index);
      const { process, author } = plan;
      return { base: { process, author, platform: plan.stage.platform, plan }, image: null };
    }
    const reference = imageOf(stage.base, this.request);
    if (reference === undefined) {
      return {
        base: { process: noProcess, author: "", platform, plan: null },
        image: null,
      };
    }
    const image = await this.image(stage, reference);
    const { process, author, platform: own } = image.record;
    return { base: { process, author, platform: own, plan: null }, image };
  }
}

function invalid(message: string): DuetError {
  return new DuetError("invalid", "DOCKERFILE_INVALID", message);
}

function imageOf(
  base: StageGraph["stages"][number]["base"],
  request: BuildRequest,
): string | GivenImage | undefined {
  if (base.kind === "image") return base.reference;
  if (base.kind !== "context") return undefined;
  const named = request.contexts[base.name];
  return typeof named === "object" ? named.image : undefined;
}

function stageIndex(from: StagePlan["takesFrom"][number]): number[] {
  return from.kind === "stage" ? [from.index] : [];
}

/** Paths of a context that the build takes, for a client that sends no more than that; null for all of it. */
export function neededPaths(plan: BuildPlan, context: string): readonly string[] | null {
  const paths = new Set<string>();
  for (const { plan: stage } of plan.stages.values()) {
    const { base } = stage.stage;
    if (base.kind === "context" && base.name === context) return null;
    for (const { from, path } of stage.steps.flatMap(({ operation }) => takenPaths(operation))) {
      if (from.kind !== "context" || from.name !== context) continue;
      const parts = path.split("/").filter((part) => part !== "" && part !== ".");
      if (parts.length === 0 || parts.includes("..")) return null;
      paths.add(parts.join("/"));
    }
  }
  return [...paths];
}

interface TakenPath {
  readonly from: FilesFrom;
  readonly path: string;
}

function takenPaths(operation: Operation | null): readonly TakenPath[] {
  if (operation?.kind === "copy") {
    return operation.sources.flatMap((source) => (source.kind === "files" ? [source] : []));
  }
  if (operation?.kind !== "run") return [];
  return operation.mounts.flatMap((mount): readonly TakenPath[] => {
    const from = mount.kind === "bind" || mount.kind === "cache" ? mount.from : null;
    return from === null ? [] : [{ from, path: "source" in mount ? mount.source : "" }];
  });
}
