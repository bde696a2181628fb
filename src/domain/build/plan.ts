import type { ImageHistory, ImageProcess, Platform } from "../image.ts";
import type { FilesFrom, Operation } from "./operation.ts";
import type { SourceRange } from "./source-range.ts";

/** What a client chooses for a build that changes what the Dockerfile means. */
export interface PlanOptions {
  readonly buildArguments: Readonly<Record<string, string>>;
  /** Name or index of a stage; "" for the last. */
  readonly target: string;
  /** For which the image is. */
  readonly platform: Platform;
  /** Steps are shown with the platform that they are for. */
  readonly showPlatform?: boolean;
  /** On which RUN runs. */
  readonly buildPlatform: Platform;
  /** Put onto the target's image. */
  readonly labels: Readonly<Record<string, string>>;
  /** Names of contexts that stand for stages or images of the same name (`--build-context`). */
  readonly contexts: ReadonlySet<string>;
  /** For RUN without a network of its own. */
  readonly network: "default" | "none" | "host";
  /** Of the main context, for the rule about files that are ignored. */
  readonly ignorePatterns?: readonly string[];
}

/** The stages of a Dockerfile, in its order. */
export interface StageGraph {
  readonly stages: readonly Stage[];
  /** Index of the stage that the build is for. */
  readonly target: number;
  /** Indexes of stages that the target needs, itself included, each after those that it stands on. */
  readonly needed: readonly number[];
  readonly warnings: readonly PlanWarning[];
}

export interface Stage {
  readonly index: number;
  /** As the Dockerfile names it; null where it does not. */
  readonly name: string | null;
  /** For display: the name, or `stage-2`. */
  readonly label: string;
  readonly base: StageBase;
  readonly platform: Platform;
  /** Other stages that its instructions take files from, by index; triggers of its base may add some. */
  readonly takesFrom: readonly number[];
  readonly range: SourceRange;
}

export type StageBase =
  | { readonly kind: "scratch" }
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "context"; readonly name: string };

/** What is known of a stage's base once its image, stage or context has been resolved. */
export interface ResolvedBase {
  readonly process: ImageProcess;
  readonly author: string;
  readonly platform: Platform;
  /** The plan of the stage that it is; null for what is no stage. */
  readonly plan: StagePlan | null;
}

/** What a stage passes on to those that stand on it, besides its image. */
export interface StageScope {
  /** Environment and arguments, by name. */
  readonly variables: ReadonlyMap<string, string>;
  /** Arguments that were declared, with their values, in order. */
  readonly parameters: readonly (readonly [name: string, value: string | null])[];
  readonly hasWorkdir: boolean;
}

/** A stage's steps, every word expanded. */
export interface StagePlan {
  readonly stage: Stage;
  /** Such as `[build 1/5] FROM`, to be followed by the image's reference; "" where the base is none. */
  readonly baseName: string;
  readonly steps: readonly PlannedStep[];
  /** The image's configuration after the last step. */
  readonly process: ImageProcess;
  readonly author: string;
  readonly scope: StageScope;
  /** Contexts, stages and images that its steps take files from; with those of the base's triggers. */
  readonly takesFrom: readonly FilesFrom[];
  readonly warnings: readonly PlanWarning[];
}

export interface PlannedStep {
  /** Such as `[build 2/5] RUN make`; the instruction alone where there is no operation. */
  readonly name: string;
  /** The instruction as the Dockerfile has it, continued lines joined. */
  readonly text: string;
  readonly isTrigger: boolean;
  readonly range: SourceRange;
  /** null where only the configuration changes. */
  readonly operation: Operation | null;
  /** Configuration after this step. */
  readonly process: ImageProcess;
  /** `created_by` and `comment`, as BuildKit writes them; null for what leaves no trace there. */
  readonly history: Pick<ImageHistory, "createdBy" | "comment"> | null;
}

/** A rule of `docker build --check`: see docs.docker.com/reference/build-checks. */
export interface PlanWarning {
  readonly rule: string;
  readonly description: string;
  readonly url: string;
  readonly detail: string;
  readonly ranges: readonly SourceRange[];
}
