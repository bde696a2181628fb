import { compileTemplate } from "../kit/go-template/template.ts";
import { linearPattern } from "../kit/patterns/linear-pattern.ts";
import type { ContainerRecord } from "./container.ts";

/**
 * The labels and variables that the log options `labels`, `env` and their `-regex` forms name
 * (moby, daemon/logger/loginfo.go).
 */
export function logAttributes({ spec, resolved }: ContainerRecord): ReadonlyMap<string, string> {
  const { options } = spec.logging;
  const variables = Object.fromEntries(
    resolved.env.map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
  return new Map([
    ...chosen(resolved.labels, options["labels"], options["labels-regex"]),
    ...chosen(variables, options["env"], options["env-regex"]),
  ]);
}

function chosen(
  all: Readonly<Record<string, string>>,
  names: string | undefined,
  pattern: string | undefined,
): readonly (readonly [string, string])[] {
  const listed = (names ?? "").split(",").filter((name) => Object.hasOwn(all, name));
  const matches = pattern === undefined || pattern === "" ? null : linearPattern(pattern);
  const matched = matches === null ? [] : Object.keys(all).filter((name) => matches(name));
  return [...listed, ...matched].map((name) => [name, all[name] ?? ""]);
}

const shortId = 12;

/** The text of a log tag's template, which is Go's. Throws `invalid` BAD_TEMPLATE. */
export function logTag(record: ContainerRecord, template: string): string {
  return compileTemplate(template)({
    ID: record.id.slice(0, shortId),
    FullID: record.id,
    Name: record.name,
    ImageID: record.image.slice(0, shortId),
    ImageFullID: record.image,
    ImageName: record.spec.image,
    DaemonName: "docker",
    Command: logCommand(record),
    ContainerID: record.id,
    ContainerName: `/${record.name}`,
    ContainerImageID: record.image,
    ContainerImageName: record.spec.image,
    ContainerLabels: record.resolved.labels,
    ContainerEnv: record.resolved.env,
    Config: record.spec.logging.options,
    ExtraAttributes: () => Object.fromEntries(logAttributes(record)),
  });
}

/** What runs, as its words with spaces between. */
export function logCommand({ resolved }: ContainerRecord): string {
  return [resolved.path, ...resolved.args].join(" ");
}
