import { parseDockerfile } from "../../../domain/build/dockerfile.ts";
import type {
  ArgInstruction,
  FromInstruction,
  Instruction,
} from "../../../domain/build/instruction.ts";
import type { RunMount } from "../../../domain/build/operation.ts";
import { globalVariables } from "../../../domain/build/build-arguments.ts";
import { hostPlatform } from "../../../domain/registry.ts";
import type { SourceRange } from "../../../domain/build/source-range.ts";
import type { BuildClient, BuildRequest } from "../../../engine/build/build.ts";
import { rangeMessage } from "../control/status-message.ts";
import type { BuildKit } from "../service.ts";
import type { Answer } from "./requests.ts";

interface Location {
  readonly ranges: readonly ReturnType<typeof rangeMessage>[];
}

function location(range: SourceRange): Location {
  return { ranges: [rangeMessage(range)] };
}

/** What is said of `name` in the comments above an instruction: `# name what it is`. */
function description(comments: readonly string[], name: string): { readonly description?: string } {
  const found = comments.find((comment) => comment.startsWith(`${name} `));
  return found === undefined ? {} : { description: found.slice(name.length + 1) };
}

/** The stages that a build may be for. */
export function describeTargets({ dockerfile }: BuildRequest): Answer {
  const { stages } = parseDockerfile(dockerfile.content);
  const targets = stages.map(({ from }, index) => {
    const name = from.stage ?? "";
    return {
      ...(name === "" ? {} : { name, ...description(from.comments, name) }),
      ...(index === stages.length - 1 ? { default: true } : {}),
      ...baseOf(from),
      location: location(from.range),
    };
  });
  const rows = targets.map((target) => [
    [target.name, target.default === true ? "(default)" : ""].filter(Boolean).join(" "),
    target.description ?? "",
  ]);
  const sources = [dockerfile.content.toString("base64")];
  return { json: { targets, sources }, text: table(["TARGET", "DESCRIPTION"], rows) };
}

function baseOf({ base, platform }: FromInstruction): Readonly<Record<string, string>> {
  return { base, ...(platform === "" ? {} : { platform }) };
}

/** What the target takes: build arguments, secrets and ssh agents. */
export async function describeOutline(
  kit: BuildKit,
  request: BuildRequest,
  client: BuildClient,
  signal: AbortSignal,
): Promise<Answer> {
  const { graph, plans } = await kit.engine.build.plan(request, client, signal);
  const file = parseDockerfile(request.dockerfile.content);
  const target = file.stages[graph.target]!.from;
  const needed = graph.needed.map((index) => file.stages[index]!);
  const inStages = needed.flatMap(({ instructions }) => instructions);
  const bases = needed.flatMap(({ from }) => [from.base, from.platform]);
  const globals = usedGlobals(file.globalArguments, bases, inStages);
  const options = { ...request, buildPlatform: hostPlatform };
  const values = new Map<string, string | null>([
    ...globalVariables(file, options, request.buildArguments),
    ...plans.flatMap(({ scope }) => scope.parameters),
  ]);
  const arguments_ = argumentsOf(values, globals, inStages);
  const mounts = plans.flatMap(({ steps }) =>
    steps.flatMap(({ operation, range }) =>
      operation?.kind === "run" ? operation.mounts.map((mount) => ({ mount, range })) : [],
    ),
  );
  const name = target.stage ?? "";
  const json = {
    ...(name === "" ? {} : { name, ...description(target.comments, name) }),
    args: withoutRepeats(arguments_),
    secrets: named(mounts, "secret"),
    ssh: named(mounts, "ssh"),
    sources: [request.dockerfile.content.toString("base64")],
  };
  const rows = json.args.map((one) => [one.name, one.value ?? "", one.description ?? ""]);
  const needs = (all: typeof json.secrets): string[][] =>
    all.map((one) => [one.name, one.required === true ? "true" : ""]);
  const parts = [
    targetText(json),
    optionalTable(["BUILD ARG", "VALUE", "DESCRIPTION"], rows),
    optionalTable(["SECRET", "REQUIRED"], needs(json.secrets)),
    optionalTable(["SSH", "REQUIRED"], needs(json.ssh)),
  ];
  return { json, text: parts.filter((part) => part !== "").join("\n") };
}

interface Named {
  readonly name?: string;
  readonly description?: string;
}

function targetText({ name, description: words }: Named): string {
  if (name === undefined) return "";
  if (words === undefined) return `TARGET: ${name}\n`;
  return `TARGET:      ${name}\nDESCRIPTION: ${words}\n`;
}

/** Global arguments that a stage's FROM or ARG names, or another such in its value. */
function usedGlobals(
  globals: readonly ArgInstruction[],
  bases: readonly string[],
  inStages: readonly Instruction[],
): readonly ArgInstruction[] {
  const used = new Set(bases.flatMap(variablesIn));
  for (const one of inStages) {
    if (one.kind === "ARG") for (const { name } of one.parameters) used.add(name);
  }
  const isUsed = ({ parameters }: ArgInstruction): boolean =>
    parameters.some(({ name }) => used.has(name));
  for (const one of globals.toReversed()) {
    if (!isUsed(one)) continue;
    for (const { value } of one.parameters)
      for (const each of variablesIn(value ?? "")) used.add(each);
  }
  return globals.filter(isUsed);
}

function variablesIn(word: string): readonly string[] {
  return [...word.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name]) => name!);
}

/** Global arguments and those of stages, with `values`; one that a stage names without a value is the global one of its name. */
function argumentsOf(
  values: ReadonlyMap<string, string | null>,
  globals: readonly ArgInstruction[],
  inStages: readonly Instruction[],
) {
  const global = new Set(globals.flatMap(({ parameters }) => parameters.map(({ name }) => name)));
  const told = (instruction: ArgInstruction, isGlobal: boolean) =>
    instruction.parameters
      .filter(({ name, value }) => isGlobal || value !== null || !global.has(name))
      .map(({ name }) => ({
        name,
        ...description(instruction.comments, name),
        ...valueOf(values.get(name) ?? null),
        location: location(instruction.range),
      }));
  return [
    ...globals.flatMap((one) => told(one, true)),
    ...inStages.flatMap((one) => (one.kind === "ARG" ? told(one, false) : [])),
  ];
}

function valueOf(value: string | null): { readonly value?: string } {
  return value === null ? {} : { value };
}

function withoutRepeats<T extends { readonly name: string }>(all: readonly T[]): readonly T[] {
  return [...new Map(all.map((one) => [one.name, one])).values()];
}

function named(
  mounts: readonly { readonly mount: RunMount; readonly range: SourceRange }[],
  kind: "secret" | "ssh",
): readonly { readonly name: string; readonly required?: boolean }[] {
  return withoutRepeats(
    mounts.flatMap(({ mount, range }) =>
      mount.kind === kind
        ? [
            {
              name: mount.id,
              ...(mount.required ? { required: true } : {}),
              location: location(range),
            },
          ]
        : [],
    ),
  );
}

function optionalTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? "" : table(head, rows);
}

/** Columns as wide as their widest word, as Go's tabwriter makes them. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map(
    (_, column) => all.reduce((most, row) => Math.max(most, row[column]!.length), 0) + 3,
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
