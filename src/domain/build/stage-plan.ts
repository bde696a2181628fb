import type { ImageProcess } from "../image.ts";
import { formatPlatform } from "../platform.ts";
import { globalVariables, ownValue, proxyVariables } from "./build-arguments.ts";
import { Checks } from "./checks.ts";
import { configure, type ConfiguringInstruction } from "./configure.ts";
import { parseTrigger, type Dockerfile } from "./dockerfile.ts";
import { InstructionFault, located } from "./dockerfile-error.ts";
import {
  checkInstruction,
  checkOnce,
  checkPorts,
  checkWorkdir,
  undefinedVariables,
} from "./instruction-checks.ts";
import type {
  ArgInstruction,
  CopyInstruction,
  FromInstruction,
  Instruction,
  RunInstruction,
} from "./instruction.ts";
import type { FilesFrom, Operation } from "./operation.ts";
import type {
  PlannedStep,
  PlanOptions,
  ResolvedBase,
  Stage,
  StageGraph,
  StagePlan,
} from "./plan.ts";
import { defaultPath } from "../process.ts";
import { noProcess } from "../image-config.ts";
import { cleanPath } from "./paths.ts";
import { planCopy } from "./plan-copy.ts";
import { planRun } from "./plan-run.ts";
import { expand, ExpansionBudget, variablesOf, type ShellOptions } from "./shell-words.ts";
import { checkSettings, isReplaced } from "./stage-graph.ts";
import { filesFrom, stageIndexes } from "./stage-names.ts";
import { refuseLaterStage, sourcesOf } from "./stage-sources.ts";

const historyComment = "buildkit.dockerfile.v0";
const mostTriggers = 1_000;

/** Plans a stage whose base is known: each instruction's words expanded, its effect on the image said. Throws DockerfileError. */
export function planStage(
  file: Dockerfile,
  graph: StageGraph,
  stage: Stage,
  base: ResolvedBase,
  options: PlanOptions,
): StagePlan {
  return new StagePlanner(file, graph, stage, base, options).plan();
}

/** Whether a stage stands on files of the client's, which say nothing about how they run. */
function isFolderBase(stage: Stage, base: ResolvedBase): boolean {
  return stage.base.kind === "context" && !isReplaced(stage) && base.process === noProcess;
}

type StageInstruction = Exclude<Instruction, FromInstruction>;

class StagePlanner {
  readonly #file: Dockerfile;
  readonly #graph: StageGraph;
  readonly #stage: Stage;
  readonly #options: PlanOptions;
  readonly #base: ResolvedBase;
  readonly #checks: Checks;
  readonly #budget = new ExpansionBudget();
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #globals: ReadonlyMap<string, string>;
  /** Environment and arguments. */
  readonly #variables: Map<string, string>;
  readonly #parameters: (readonly [string, string | null])[];
  readonly #takesFrom = new Map<string, FilesFrom>();
  readonly #steps: PlannedStep[] = [];
  #process: ImageProcess;
  #author: string;
  #hasWorkdir: boolean;
  #hasCommand = false;
  #number = 0;
  #total = 0;

  constructor(
    file: Dockerfile,
    graph: StageGraph,
    stage: Stage,
    base: ResolvedBase,
    options: PlanOptions,
  ) {
    this.#file = file;
    this.#graph = graph;
    this.#stage = stage;
    this.#base = base;
    this.#options = options;
    this.#checks = new Checks(checkSettings(file, options));
    this.#indexes = stageIndexes(graph.stages);
    this.#globals = globalVariables(file, options, options.buildArguments);
    const hasPath = base.process.env.some((entry) => entry.startsWith("PATH="));
    const env = hasPath ? base.process.env : [...base.process.env, defaultPath];
    const isEmpty = stage.base.kind === "scratch" || isFolderBase(stage, base);
    const workingDirectory = isEmpty ? "/" : base.process.workingDirectory;
    this.#process = { ...base.process, env, workingDirectory, onBuild: [] };
    this.#author = base.author;
    const scope = base.plan?.scope;
    this.#variables = new Map(scope?.variables);
    for (const [name, value] of variablesOf(env)) {
      if (scope === undefined || !this.#variables.has(name)) this.#variables.set(name, value);
    }
    this.#parameters = [...(scope?.parameters ?? [])];
    this.#hasWorkdir = scope?.hasWorkdir ?? false;
  }

  plan(): StagePlan {
    const isWhole = isReplaced(this.#stage);
    const written = this.#file.stages[this.#stage.index]!;
    const triggers = isWhole ? [] : this.#triggers(written.from);
    const instructions = isWhole ? [] : written.instructions;
    const isImage = this.#stage.base.kind !== "scratch" && this.#stage.base.kind !== "stage";
    const all = [...triggers, ...instructions];
    checkOnce(all, this.#checks);
    this.#checkPlatform(written.from);
    const counted = instructions.filter(isCounted).length + triggers.length;
    this.#total = counted + (isImage && !isWhole ? 1 : 0);
    const baseName = isImage ? this.#stepName("FROM", false) : "";
    for (const [index, instruction] of all.entries()) {
      const isTrigger = index < triggers.length;
      located([instruction.range], () => this.#add(instruction, isTrigger));
    }
    this.#label();
    return {
      stage: this.#stage,
      baseName,
      steps: this.#steps,
      process: this.#process,
      author: this.#author,
      scope: {
        variables: this.#variables,
        parameters: this.#parameters,
        hasWorkdir: this.#hasWorkdir,
      },
      takesFrom: [...this.#takesFrom.values()],
      warnings: this.#checks.warnings,
    };
  }

  #checkPlatform(from: FromInstruction): void {
    const { base, platform: expected } = this.#stage;
    const found = this.#base.platform;
    const isSame = found.os === expected.os && found.architecture === expected.architecture;
    if (base.kind !== "image" || isSame) return;
    const shown = [found, expected].map((each) => JSON.stringify(formatPlatform(each)));
    const detail = `Base image ${base.reference} was pulled with platform ${shown[0]}, expected ${shown[1]} for current build`;
    this.#checks.warn("InvalidBaseImagePlatform", detail, [from.range]);
  }

  #triggers(from: FromInstruction): readonly StageInstruction[] {
    const triggers = this.#base.process.onBuild;
    return located([from.range], () => {
      if (triggers.length > mostTriggers) throw new InstructionFault("too many onbuild triggers");
      return triggers.map((trigger) => parseTrigger(trigger, from));
    });
  }

  /** Labels that the client asks for belong to the stage that the build is for. */
  #label(): void {
    const { labels } = this.#options;
    if (this.#stage.index !== this.#graph.target || Object.keys(labels).length === 0) return;
    this.#process = { ...this.#process, labels: { ...this.#process.labels, ...labels } };
  }

  #add(instruction: StageInstruction, isTrigger: boolean): void {
    const count = this.#graph.stages.length;
    for (const source of sourcesOf(instruction, this.#indexes, count, this.#options)) {
      refuseLaterStage(source, this.#stage);
    }
    checkInstruction(instruction, this.#process, this.#checks);
    switch (instruction.kind) {
      case "RUN":
        return this.#run(instruction, isTrigger);
      case "COPY":
      case "ADD":
        return this.#copy(instruction, isTrigger);
      case "ARG":
        return this.#argument(instruction, isTrigger);
      case "MAINTAINER":
        this.#author = instruction.value;
        return this.#step(instruction, isTrigger, {
          name: instruction.text,
          operation: null,
          createdBy: `MAINTAINER ${instruction.value}`,
        });
      default:
        return this.#configure(instruction, isTrigger);
    }
  }

  #step(
    instruction: StageInstruction,
    isTrigger: boolean,
    made: {
      readonly name: string;
      readonly operation: Operation | null;
      readonly createdBy: string | null;
    },
  ): void {
    const { name, operation, createdBy } = made;
    this.#steps.push({
      name,
      text: instruction.text,
      isTrigger,
      range: instruction.range,
      operation,
      process: this.#process,
      history: createdBy === null ? null : { createdBy, comment: historyComment },
    });
  }

  /** `[build 2/5] ` before the text. */
  #stepName(text: string, isTrigger: boolean): string {
    this.#number += 1;
    if (this.#total === 0) return text;
    const width = Math.floor(1 + Math.log10(this.#total));
    const label = this.#stage.label === "" ? "" : `${this.#stage.label} `;
    const number = `${this.#number}`.padStart(width);
    const platform = this.#options.showPlatform === true ? `${this.#platforms()} ` : "";
    return `[${platform}${label}${number}/${this.#total}] ${isTrigger ? "ONBUILD " : ""}${text}`;
  }

  /** Of what runs, and of what it is for where it asks: `linux/amd64->arm64`. */
  #platforms(): string {
    const own = this.#stage.platform;
    const target = this.#options.platform;
    const asks = ["TARGETPLATFORM", "TARGETOS", "TARGETARCH"].some((name) =>
      this.#variables.has(name),
    );
    if (!asks || target.architecture === own.architecture) return formatPlatform(own);
    const variant = target.variant === undefined ? "" : `/${target.variant}`;
    return `${formatPlatform(own)}->${target.architecture}${variant}`;
  }

  /** The text for display: variables replaced, its first word in upper case. */
  #shown(text: string, options: Partial<ShellOptions>): string {
    let shown = text;
    try {
      shown = expand(
        text,
        this.#variables,
        { ...options, escape: this.#file.escape },
        this.#budget,
      ).text;
    } catch (error) {
      if (!(error instanceof InstructionFault)) throw error;
    }
    const [word = ""] = shown.split(" ", 1);
    return word.toUpperCase() + shown.slice(word.length);
  }

  #expand(
    instruction: Instruction,
    word: string,
    options: ShellOptions,
  ): ReturnType<typeof expand> {
    const found = expand(word, this.#variables, options, this.#budget);
    undefinedVariables(
      found.unmatched,
      this.#parameters,
      this.#variables,
      instruction,
      this.#checks,
    );
    return found;
  }

  #one(instruction: Instruction, word: string): string {
    return this.#expand(instruction, word, { escape: this.#file.escape }).text;
  }

  #filesFrom(name: string): FilesFrom {
    if (/^\d+$/.test(name)) return { kind: "stage", index: Number(name) };
    return filesFrom(name, this.#indexes, this.#options);
  }

  #takes(from: FilesFrom | null): void {
    if (from !== null && from.kind !== "scratch") this.#takesFrom.set(JSON.stringify(from), from);
  }

  #run(instruction: RunInstruction, isTrigger: boolean): void {
    const { operation, createdBy, text } = planRun(instruction, {
      process: this.#process,
      variables: this.#variables,
      parameters: this.#parameters,
      proxies: proxyVariables(this.#options.buildArguments),
      network: this.#options.network,
      expandWord: (word) => this.#one(instruction, word),
      filesFrom: (name) => filesFrom(name, this.#indexes, this.#options),
    });
    for (const mount of operation.mounts) {
      if (mount.kind === "bind" || mount.kind === "cache") this.#takes(mount.from);
    }
    const shown = this.#shown(text, { rawQuotes: true, skipUnset: true });
    const name = this.#stepName(shown, isTrigger);
    this.#step(instruction, isTrigger, { name, operation, createdBy });
  }

  #copy(instruction: CopyInstruction, isTrigger: boolean): void {
    const { operation, createdBy } = planCopy(instruction, {
      process: this.#process,
      checks: this.#checks,
      ignorePatterns: this.#options.ignorePatterns ?? [],
      expandWord: (word) => this.#one(instruction, word),
      expandText: (text) =>
        this.#expand(instruction, text, { escape: "\\", skipQuotes: true }).text,
      filesFrom: (name) => this.#filesFrom(name),
    });
    for (const source of operation.sources) if (source.kind === "files") this.#takes(source.from);
    const name = this.#stepName(this.#shown(instruction.text, {}), isTrigger);
    this.#step(instruction, isTrigger, { name, operation, createdBy });
  }

  #argument(instruction: ArgInstruction, isTrigger: boolean): void {
    const texts = instruction.parameters.map(({ name, value: fallback }) => {
      const given = ownValue(this.#options.buildArguments, name);
      const own = given ?? (fallback === null ? null : this.#one(instruction, fallback));
      const value = own ?? this.#globals.get(name) ?? null;
      if (value !== null && !name.startsWith("BUILDKIT_SBOM_SCAN_")) {
        this.#variables.delete(name);
        this.#variables.set(name, value);
      }
      this.#parameters.push([name, value]);
      return value === null ? name : `${name}=${value}`;
    });
    this.#step(instruction, isTrigger, {
      name: instruction.text,
      operation: null,
      createdBy: `ARG ${texts.join(" ")}`,
    });
  }

  #configure(instruction: ConfiguringInstruction, isTrigger: boolean): void {
    let expanded = "";
    const words = {
      one: (word: string): string => (expanded = this.#one(instruction, word)),
      // Of EXPOSE alone, which BuildKit expands without a word about what nobody has set.
      many: (word: string): readonly string[] =>
        expand(word, this.#variables, { escape: this.#file.escape }, this.#budget).words,
    };
    const configured = configure(this.#process, instruction, words, this.#hasCommand);
    const { process, createdBy } = configured;
    this.#process = process;
    if (instruction.kind === "CMD") this.#hasCommand = true;
    for (const [name, value] of configured.variables ?? []) this.#variables.set(name, value);
    checkPorts(configured.ports ?? [], instruction, this.#checks);
    let name = instruction.text;
    let operation: Operation | null = null;
    if (instruction.kind === "WORKDIR") {
      if (!this.#hasWorkdir) checkWorkdir(expanded, instruction, this.#checks);
      this.#hasWorkdir = true;
      const path = cleanPath(process.workingDirectory);
      if (process.workingDirectory !== "/") {
        name = this.#stepName(this.#shown(instruction.text, {}), isTrigger);
        operation = { kind: "workdir", path };
      }
    }
    this.#step(instruction, isTrigger, { name, operation, createdBy });
  }
}

function isCounted(instruction: Instruction): boolean {
  return ["RUN", "COPY", "ADD", "WORKDIR"].includes(instruction.kind);
}
