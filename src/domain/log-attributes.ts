import { compileTemplate } from "../kit/go-template/template.ts";
import { DuetError } from "../kit/errors.ts";
import { readPattern } from "../kit/patterns/linear-pattern.ts";
import type { ContainerRecord } from "./container.ts";

/**
 * The labels and variables that the log options `labels`, `env` and their `-regex` forms name
 * (moby, daemon/logger/loginfo.go). Throws `invalid` LOG_OPTION for a pattern that cannot be read.
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
  const matched = pattern ? Object.keys(all).filter(patternOf(pattern)) : [];
  return [...listed, ...matched].map((name) => [name, all[name] ?? ""]);
}

function patternOf(text: string): (name: string) => boolean {
  const pattern = readPattern(text);
  if (pattern !== null) return pattern;
  const shown = text.slice(0, 80);
  throw new DuetError("invalid", "LOG_OPTION", `error parsing regexp: cannot read \`${shown}\``, {
    hint: "patterns have the syntax of Go's regular expressions, and up to 512 characters",
  });
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
