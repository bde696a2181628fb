import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDockerfile } from "../../../src/domain/build/dockerfile.ts";
import { parseGitUrl } from "../../../src/domain/build/git-url.ts";
import { expand } from "../../../src/domain/build/shell-words.ts";
import { readStages } from "../../../src/domain/build/stage-graph.ts";
import { planStage } from "../../../src/domain/build/stage-plan.ts";
import { isDuetError } from "../../../src/kit/errors.ts";

const platform = { os: "linux", architecture: "amd64" };
const options = {
  buildArguments: {},
  target: "",
  platform,
  buildPlatform: platform,
  labels: {},
  contexts: new Set<string>(),
  network: "default",
} as const;
const process = {
  ...{ user: "", env: [], entrypoint: null, command: null, workingDirectory: "", labels: {} },
  ...{ exposedPorts: [], volumes: [], stopSignal: "", healthcheck: null, onBuild: [], shell: null },
};

/** Reads and plans all that a Dockerfile needs. */
function plan(text: string): void {
  const file = parseDockerfile(Buffer.from(text));
  const graph = readStages(file, options);
  const stage = graph.stages[graph.target]!;
  planStage(file, graph, stage, { process, author: "", platform, plan: null }, options);
}

function refused(text: string): string {
  try {
    plan(text);
    return "";
  } catch (error) {
    if (isDuetError(error, "invalid")) return error.message;
    throw error;
  }
}

test("files of a million lines and lines without end are refused, comments and scripts are not (C50)", () => {
  assert.match(refused(`FROM a\n${"RUN x\n".repeat(1_000_000)}`), /more than 5000 instructions/);
  assert.equal(refused(`${"# x\n".repeat(1_000_000)}FROM a\n`), "");
  assert.equal(refused(`FROM a\nRUN <<X\n${"y\n".repeat(1_000_000)}X\n`), "");
  assert.match(refused(`FROM a\nRUN ${"x".repeat(70_000)}\n`), /greater than max allowed size/);
  assert.match(refused("x".repeat(17 << 20)), /larger than/);
  assert.match(refused(`FROM a\nRUN <<X\n${"y\n".repeat(1_000_000)}`), /unterminated heredoc/);
});

test("arguments that double themselves are refused before they fill memory (C50)", () => {
  const names = Array.from({ length: 60 }, (_, index) => `v${index}`);
  const lines = names.map((name, index) => {
    const before = names[index - 1];
    return `ARG ${name}=${before === undefined ? "0123456789" : `$${before}$${before}`}`;
  });
  assert.match(refused(`${lines.join("\n")}\nFROM a\n`), /too much text/);
  assert.match(refused(`FROM a\n${lines.join("\n")}\n`), /too much text/);
  assert.match(refused(`FROM a\nENV A=${"${A:-".repeat(10_000)}\n`), /nested too deeply/);
});

test("patterns of stars end soon, whatever they are held against (C50)", () => {
  const value = "a".repeat(60_000);
  const pattern = "*a".repeat(200);
  const variables = new Map([["A", value]]);
  assert.equal(expand(`\${A##${pattern}b}`, variables, { escape: "\\" }).text, value);
  assert.equal(expand(`\${A%%b${pattern}}`, variables, { escape: "\\" }).text, value);
  assert.equal(expand(`\${A/${pattern}b/x}`, variables, { escape: "\\" }).text, value);
});

test("whatever is in a Dockerfile, it is planned or refused as invalid", () => {
  const word = fc.constantFrom(
    ...[
      "$A",
      "${A:-b}",
      "${",
      "}",
      "'",
      '"',
      "\\",
      "`",
      "<<E",
      "E",
      "--from=0",
      "--mount=type=cache",
    ],
    ...[
      "--chown=$B",
      "[",
      '["a"]',
      "=",
      "A=b",
      "#",
      "# escape=`",
      "a",
      "/",
      ":",
      "AS",
      "b",
      "\t",
      "\r",
    ],
  );
  const name = fc.constantFrom(
    ...[
      "FROM",
      "RUN",
      "COPY",
      "ADD",
      "ENV",
      "ARG",
      "LABEL",
      "EXPOSE",
      "HEALTHCHECK",
      "ONBUILD",
      "CMD",
    ],
    ...["ENTRYPOINT", "SHELL", "USER", "VOLUME", "WORKDIR", "STOPSIGNAL", "MAINTAINER", "FOO", ""],
  );
  const line = fc
    .tuple(name, fc.array(word, { maxLength: 6 }))
    .map(([first, words]) => [first, ...words].join(" "));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.string(), (lines, noise) => {
      refused(["FROM a AS b", ...lines, noise].join("\n"));
      refused(noise);
    }),
    { numRuns: 1_500 },
  );
});

test("a repository's URL gives git no option and leads nowhere else (C44)", () => {
  assert.deepEqual(parseGitUrl("https://h/r.git#v1:docs/a/"), {
    url: "https://h/r.git",
    ref: "v1",
    subdirectory: "docs/a",
    checksum: null,
    keepGitFolder: null,
    submodules: true,
  });
  const query = parseGitUrl("https://h/r.git?tag=v1&subdir=d&keep-git-dir=1&submodules=false");
  assert.equal(query?.ref, "refs/tags/v1");
  assert.equal(query.subdirectory, "d");
  assert.equal(query.keepGitFolder, true);
  assert.equal(query.submodules, false);
  assert.equal(parseGitUrl("git@h:r/s.git#main")?.ref, "main");
  assert.equal(parseGitUrl("ssh://git@h/r")?.url, "ssh://git@h/r");
  for (const other of [
    "file:///r.git",
    "ext::sh -c x",
    "https://h/r",
    "a",
    "a:b",
    "/r.git",
    "--upload-pack=x",
  ]) {
    assert.equal(parseGitUrl(other), undefined, other);
  }
  for (const bad of [
    ...[
      "https://h/r.git#--upload-pack=x",
      "https://h/r.git#a:../..",
      "https://h/r.git#a:x/../../y",
    ],
    ...["ssh://-oProxyCommand=x/r.git", "https://h/r.git#a..b", "https://h/r.git?foo=1"],
    ...[
      "https://h/r.git?ref=a&ref=b",
      "https://h/r.git#a:.git/hooks",
      "https://h/r.git?checksum=zz",
    ],
  ]) {
    assert.throws(() => parseGitUrl(bad), bad);
  }
});
