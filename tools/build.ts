import { constants } from "node:os";
import { buildBundles } from "./build/bundles.ts";
import { buildNative } from "./build/native.ts";
import { projectRoot } from "./project.ts";
import { step } from "./progress.ts";

/** `npm run build`: native parts by make, and one bundle for each program in dist/. */
const controller = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => process.exit(128 + constants.signals[name]));
}
await step("native parts", () => buildNative(projectRoot, controller.signal));
await step("bundles", () => buildBundles(projectRoot, controller.signal));
