import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDockerfile } from "../../../src/domain/build/dockerfile.ts";
import { readStages } from "../../../src/domain/build/stage-graph.ts";

const platform = { os: "linux", architecture: "amd64" };

function graphOf(text: string, target = ""): ReturnType<typeof readStages> {
  return readStages(parseDockerfile(Buffer.from(text)), {
    ...{ buildArguments: {}, target, platform, buildPlatform: platform, labels: {} },
    ...{ contexts: new Set<string>(), network: "default" },
  });
}

test("the one stage of a file is shown by its name where it takes from elsewhere or mounts, as by BuildKit", () => {
  const labels = (text: string): string[] => graphOf(text).stages.map((stage) => stage.label);
  assert.deepEqual(labels("FROM a\nRUN x\nCOPY b c\n"), [""]);
  assert.deepEqual(labels("FROM a AS only\nRUN x\n"), [""]);
  assert.deepEqual(labels("FROM a\nRUN --mount=type=cache,target=/c x\n"), ["stage-0"]);
  assert.deepEqual(labels("FROM a AS only\nCOPY --from=b /c /d\n"), ["only"]);
  assert.deepEqual(labels("FROM a\nFROM b AS c\n"), ["stage-0", "c"]);
});

test("a misspelt target is answered with the stage that is meant, its number too where it has no name", () => {
  const message = (text: string, target: string): RegExp => {
    const place = `target stage "${target}" could not be found`;
    return new RegExp(`${place} \\(did you mean ${text}\\?\\)`);
  };
  assert.throws(() => graphOf("FROM a\n", "stage-1"), message("stage-0", "stage-1"));
  assert.throws(() => graphOf("FROM a\nFROM a AS final\n", "finul"), message("final", "finul"));
});
