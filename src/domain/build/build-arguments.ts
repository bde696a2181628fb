import { formatPlatform } from "../platform.ts";
import { located } from "./dockerfile-error.ts";
import type { Dockerfile } from "./dockerfile.ts";
import type { PlanOptions } from "./plan.ts";
import { expand, ExpansionBudget } from "./shell-words.ts";

type PlatformOptions = Pick<PlanOptions, "buildPlatform" | "platform" | "target">;

/** Values that FROM sees, and that an ARG without a value takes: the platforms', then those before the first FROM. */
export function globalVariables(
  file: Dockerfile,
  options: PlatformOptions,
  given: Readonly<Record<string, string>>,
): Map<string, string> {
  const variables = platformVariables(file, options);
  const budget = new ExpansionBudget();
  for (const [name] of variables) {
    const value = ownValue(given, name);
    if (value !== undefined) variables.set(name, value);
  }
  for (const instruction of file.globalArguments) {
    for (const parameter of instruction.parameters) {
      const fallback = parameter.value;
      const value =
        ownValue(given, parameter.name) ??
        (fallback === null
          ? undefined
          : located(
              [instruction.range],
              () => expand(fallback, variables, { escape: file.escape }, budget).text,
            ));
      if (value !== undefined) variables.set(parameter.name, value);
    }
  }
  return variables;
}

/** Of an object that a client has given. */
export function ownValue(
  given: Readonly<Record<string, string>>,
  name: string,
): string | undefined {
  return Object.hasOwn(given, name) ? given[name] : undefined;
}

function platformVariables(file: Dockerfile, options: PlatformOptions): Map<string, string> {
  const { buildPlatform, platform } = options;
  const target = options.target === "" ? file.stages.at(-1)!.from.stage : options.target;
  return new Map([
    ["BUILDPLATFORM", formatPlatform(buildPlatform)],
    ["BUILDOS", buildPlatform.os],
    ["BUILDOSVERSION", ""],
    ["BUILDARCH", buildPlatform.architecture],
    ["BUILDVARIANT", buildPlatform.variant ?? ""],
    ["TARGETPLATFORM", formatPlatform(platform)],
    ["TARGETOS", platform.os],
    ["TARGETOSVERSION", ""],
    ["TARGETARCH", platform.architecture],
    ["TARGETVARIANT", platform.variant ?? ""],
    ["TARGETSTAGE", target ?? "default"],
  ]);
}

const proxyNames = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];

/** The predefined proxy arguments, in both spellings: given to RUN without being declared. */
export function proxyVariables(
  given: Readonly<Record<string, string>>,
): readonly (readonly [string, string])[] {
  return proxyNames.flatMap((name): (readonly [string, string])[] => {
    const key = Object.keys(given)
      .toSorted()
      .findLast((each) => each.toUpperCase() === name);
    const value = key === undefined ? "" : (given[key] ?? "");
    return value === ""
      ? []
      : [
          [name, value],
          [name.toLowerCase(), value],
        ];
  });
}
