import fc, { type Arbitrary } from "fast-check";
import { rootLine, type BuildCase, type Change, type Stage } from "./build-case.ts";
import { contextFiles, ignoreLines } from "./random-context.ts";
import { line } from "./random-lines.ts";
import { mostly } from "./random-words.ts";

const base: Stage = { from: "FROM busybox AS base", lines: [rootLine] };
const variables: Stage = {
  ...base,
  lines: [...base.lines, "ENV A=one B=v/two U=user M=640 PATHS=/v/one:/v/two EMPTY="],
};

const froms = mostly(
  [
    "FROM base AS s2",
    "FROM busybox",
    "FROM scratch",
    "FROM --platform=linux/amd64 base",
    "FROM ${IMG:-base}",
    "FROM base as Upper",
    "from base as low",
    "FROM base AS s1",
    "FROM --platform=$BUILDPLATFORM busybox",
    "FROM more",
  ],
  [
    "FROM 0",
    "FROM base AS base",
    "FROM base AS 1x",
    "FROM base AS",
    "FROM base extra",
    "FROM --platform=linux/arm64 scratch",
    "FROM --platform=x base",
    "FROM BASE",
    'FROM "base"',
    "FROM scratch AS empty",
    "FROM $NOT_SET",
    "FROM",
  ],
);
const stage: Arbitrary<Stage> = fc.record({
  from: fc.oneof(
    { weight: 3, arbitrary: fc.constant("FROM base") },
    { weight: 2, arbitrary: froms },
  ),
  lines: fc.array(line, { maxLength: 5 }),
});

const headLine = mostly(
  [
    "ARG IMG=base",
    "ARG A=global",
    "ARG IMG",
    "# remark",
    "",
    'ARG IMG="busybox"',
    "ARG A B=$A",
    "ARG IMG=${A:+base}",
  ],
  ["ENV A=1", "RUN true", "ARG", "LABEL a"],
);
const directives = mostly(
  ["# escape=\\", "# escape=`", "# Escape = `", "#check=skip=all", "# nosuch=x", "#escape=`\n"],
  ["# check=error=true", "# escape=x", "# escape=\\\n# escape=\\"],
);

const changes: Arbitrary<Change> = fc.record({
  path: fc.constantFrom("f", "f", "d/x", "d/sub/z", "g.txt", "d", "empty", "l", "a.tar"),
  how: fc.constantFrom("text", "text", "mode", "time", "add", "remove"),
});

const given = fc.dictionary(
  fc.constantFrom("A", "B", "IMG", "U", "M", "UNUSED"),
  fc.constantFrom("given", "base", "1", "base", "a b"),
  { maxKeys: 2 },
);

/** Dockerfiles on a root with things in the way, with contexts that have what they name. */
export const buildCase: Arbitrary<BuildCase> = fc
  .record({
    files: contextFiles,
    ignored: ignoreLines,
    directive: fc.oneof(
      { weight: 9, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: directives },
    ),
    head: fc.array(headLine, { maxLength: 2 }),
    root: fc.constantFrom(variables, variables, variables, base),
    stages: fc.array(stage, { minLength: 1, maxLength: 3 }),
    arguments: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: given }),
    target: fc.oneof(
      { weight: 24, arbitrary: fc.constant("") },
      { weight: 1, arbitrary: fc.constantFrom("s1", "base", "1", "0", "S1", "nosuch", "Upper") },
    ),
    change: fc.option(changes, { freq: 2, nil: null }),
  })
  .map(({ directive, head, root, stages, ...rest }) => ({
    ...rest,
    head: [...(directive === null ? [] : [directive]), ...head],
    stages: [root, ...stages],
  }));
