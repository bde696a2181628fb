import { parseArgs } from "node:util";
import { canceled } from "../src/kit/abort.ts";
import { bringPeers } from "./peers/bring.ts";
import { reportFailure, step } from "./progress.ts";

/**
 * `npm run peers [-- --suite sid] [--fresh]`: the engines that benchmarks compare with, from a newer
 * Debian suite, unpacked into the cache.
 */
const controller = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => controller.abort(canceled(`got ${name}`)));
}
try {
  const { values } = parseArgs({
    options: {
      suite: { type: "string", default: "sid" },
      fresh: { type: "boolean", default: false },
    },
  });
  const { suite, fresh } = values;
  await step(`engines of ${suite}`, () => bringPeers(suite, { fresh, signal: controller.signal }));
} catch (error) {
  process.exitCode = reportFailure(error);
}
