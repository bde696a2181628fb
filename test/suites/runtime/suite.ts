import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Workbench, type RuntimeHarness } from "./harness.ts";
import { identityTests } from "./identity.ts";
import { lifeTests } from "./life.ts";
import { limitTests } from "./limits.ts";
import { processTests } from "./processes.ts";
import { streamTests } from "./streams.ts";

/** Makes a workbench on the runtime under test. */
export type Bench = () => Workbench;

export type TestGroup = (bench: Bench) => void;

export const wholeSuite: readonly TestGroup[] = [
  lifeTests,
  streamTests,
  processTests,
  identityTests,
  limitTests,
];

/** What every runtime must do: both isolations pass it. `make` is called once; `groups` chooses other tests. */
export function runtimeSuite(
  name: string,
  make: () => Promise<RuntimeHarness>,
  groups: readonly TestGroup[] = wholeSuite,
): void {
  describe(`runtime ${name}`, { timeout: 1_500_000 }, () => {
    let harness: RuntimeHarness | undefined;
    before(async () => {
      harness = await make();
    });
    after(async () => {
      await harness?.close();
    });
    const bench: Bench = () => {
      assert.ok(harness, "the harness was made");
      return new Workbench(harness);
    };
    test("says what it is", () => {
      const { runtime } = bench().harness;
      assert.match(runtime.description, /\d/);
      assert.ok(runtime.isolation === "container" || runtime.isolation === "vm");
    });
    for (const group of groups) group(bench);
  });
}
