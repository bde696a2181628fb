import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunOperation } from "../../src/domain/build/operation.ts";
import type { StepContext } from "../../src/engine/build/build-step.ts";
import { checkPlatform, prepareRun } from "../../src/engine/build/run-sources.ts";

const operation: RunOperation = {
  ...{ kind: "run", argv: ["true"], files: [], env: [], uncountedEnv: [], mounts: [] },
  ...{ workingDirectory: "/", user: "", network: "default", security: "sandbox" },
};

test("a RUN for another processor has its key without an emulator: a cache may have its result", async () => {
  const settings = { defaultIsolation: "container" };
  const request = { isolation: null, extraHosts: [], resources: null, sharedMemorySize: 0 };
  const build = { engine: { settings }, request } as unknown as StepContext;
  const foreign = { os: "linux", architecture: "mips64le" };
  const { identity } = await prepareRun(build, operation, foreign);
  assert.ok(identity.includes("linux/mips64le/"));
  const refused = { code: "PLATFORM_UNSUPPORTED" };
  await assert.rejects(checkPlatform(foreign, "container"), refused);
  await assert.rejects(checkPlatform(foreign, "vm"), refused);
});
