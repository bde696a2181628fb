import type { RuntimeHarness } from "../../suites/runtime/harness.ts";
import { runtimeSuite } from "../../suites/runtime/suite.ts";
import { Place } from "./place.ts";

async function make(): Promise<RuntimeHarness> {
  const place = await Place.make({ poolSize: 1 });
  const runtime = await place.runtime();
  await runtime.warm(AbortSignal.timeout(600_000));
  return {
    runtime,
    later: () => place.runtime(),
    root: () => place.root(),
    leaks: (ids) => place.leaks(ids),
    smallMemory: 48 << 20,
    close: async () => {
      await runtime.close();
      const remains = await place.remains();
      await place.close();
      if (remains.length > 0) throw new Error(`left behind: ${remains.join(", ")}`);
    },
  };
}

runtimeSuite("qemu", make);
