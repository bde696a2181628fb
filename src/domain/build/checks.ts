import { parseGoBoolean } from "../../kit/go-boolean.ts";
import type { PlanWarning } from "./plan.ts";
import type { SourceRange } from "./source-range.ts";
import { DockerfileError } from "./dockerfile-error.ts";

/** The rules of `docker build --check` (docs.docker.com/reference/build-checks) with BuildKit's descriptions. */
const rules = {
  StageNameCasing: "Stage names should be lowercase",
  FromAsCasing: "The 'as' keyword should match the case of the 'from' keyword",
  NoEmptyContinuation: "Empty continuation lines will become errors in a future release",
  ConsistentInstructionCasing:
    "All commands within the Dockerfile should use the same casing (either upper or lower)",
  DuplicateStageName: "Stage names should be unique",
  ReservedStageName: "Reserved words should not be used as stage names",
  JSONArgsRecommended:
    "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
  MaintainerDeprecated:
    "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
  UndefinedArgInFrom: "FROM command must use declared ARGs",
  WorkdirRelativePath:
    "Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes",
  UndefinedVar: "Variables should be defined before their use",
  MultipleInstructionsDisallowed:
    "Multiple instructions of the same type should not be used in the same stage",
  LegacyKeyValueFormat: "Legacy key/value format with whitespace separator should not be used",
  InvalidBaseImagePlatform: "Base image platform does not match expected target platform",
  RedundantTargetPlatform:
    "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
  SecretsUsedInArgOrEnv: "Sensitive data should not be used in the ARG or ENV commands",
  InvalidDefaultArgInFrom:
    "Default value for global ARG results in an empty or invalid base image name",
  FromPlatformFlagConstDisallowed: "FROM --platform flag should not use a constant value",
  CopyIgnoredFile: "Attempting to Copy file that is excluded by .dockerignore",
  InvalidDefinitionDescription:
    "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.",
  ExposeProtoCasing: "Protocol in EXPOSE instruction should be lowercase",
  ExposeInvalidFormat:
    "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release",
} as const;

export type Rule = keyof typeof rules;

const experimental: ReadonlySet<string> = new Set([
  "CopyIgnoredFile",
  "InvalidDefinitionDescription",
]);
const withoutPage: ReadonlySet<string> = new Set(["InvalidBaseImagePlatform"]);

/** Which rules are looked at, as `# check=skip=A,B;error=true;experimental=all` says. */
export interface CheckSettings {
  readonly skip: ReadonlySet<string>;
  readonly skipsAll: boolean;
  readonly experimental: ReadonlySet<string>;
  readonly allExperimental: boolean;
  /** Whether a warning fails the build. */
  readonly isError: boolean;
}

/** Throws DockerfileError. */
export function readCheckSettings(text: string): CheckSettings {
  let skip: readonly string[] = [];
  let tried: readonly string[] = [];
  let isError = false;
  for (const part of text.split(";").filter((each) => each.trim() !== "")) {
    const at = part.indexOf("=");
    const key = part.slice(0, Math.max(0, at)).trim().toLowerCase();
    const value = part.slice(at + 1).trim();
    if (at < 0) throw invalidOption(part);
    if (key === "skip") skip = listOf(value);
    else if (key === "experimental") tried = listOf(value);
    else if (key === "error") {
      const known = parseGoBoolean(value);
      if (known === undefined) {
        throw new DockerfileError(
          `failed to parse check options: failed to parse check option "error": strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
          [],
        );
      }
      isError = known;
    } else throw invalidOption(key);
  }
  return {
    skip: new Set(skip),
    skipsAll: skip.length === 1 && skip[0] === "all",
    experimental: new Set(tried),
    allExperimental: tried.length === 1 && tried[0] === "all",
    isError,
  };
}

function listOf(value: string): readonly string[] {
  return value.split(",");
}

function invalidOption(text: string): DockerfileError {
  const shown = JSON.stringify(text.slice(0, 100));
  return new DockerfileError(`failed to parse check options: invalid check option ${shown}`, []);
}

/** Gathers what the rules have to say. */
export class Checks {
  readonly #settings: CheckSettings;
  readonly #warnings: PlanWarning[] = [];

  constructor(settings: CheckSettings) {
    this.#settings = settings;
  }

  warn(rule: Rule, detail: string, ranges: readonly SourceRange[]): void {
    const { skip, skipsAll, allExperimental } = this.#settings;
    if (skipsAll || skip.has(rule) || this.#warnings.length >= 1000) return;
    const isTried = allExperimental || this.#settings.experimental.has(rule);
    if (experimental.has(rule) && !isTried) return;
    const page = rule.replaceAll(/([a-z])([A-Z])|([A-Z]+)([A-Z][a-z])/g, "$1$3-$2$4");
    const url = withoutPage.has(rule)
      ? ""
      : `https://docs.docker.com/go/dockerfile/rule/${page.toLowerCase()}/`;
    this.#warnings.push({ rule, description: rules[rule], url, detail, ranges });
  }

  get warnings(): readonly PlanWarning[] {
    return this.#warnings;
  }
}

/** Throws DockerfileError where the Dockerfile says that warnings are errors; `warnings` are those of the whole build. */
export function refuseWarnings(settings: CheckSettings, warnings: readonly PlanWarning[]): void {
  if (!settings.isError || warnings.length === 0) return;
  const names = [...new Set(warnings.map(({ rule }) => rule))].toSorted();
  throw new DockerfileError(`lint violation found for rules: ${names.join(", ")}`, []);
}
