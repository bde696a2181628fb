import { join } from "node:path";
import { parseArgs } from "node:util";
import { recipes } from "../images/recipes.ts";
import { canceled } from "../src/kit/abort.ts";
import { buildImage, rebuildImage } from "../images/build.ts";
import { reportFailure, step } from "./progress.ts";

/**
 * `npm run images [-- [--fresh] [--out FOLDER] NAME...]`: builds the images of `images/` as tars for
 * `docker load`, without a registry.
 */
const controller = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => controller.abort(canceled(`got ${name}`)));
}
try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      fresh: { type: "boolean", default: false },
      out: { type: "string", default: "build/images" },
    },
  });
  const names = positionals.length > 0 ? positionals : recipes.map((recipe) => recipe.name);
  for (const name of names) {
    const file = join(values.out, `${name}.tar`);
    await step(`image ${name}`, async () => {
      if (values.fresh) await rebuildImage(name, controller.signal);
      await buildImage(name, file, controller.signal);
      return file;
    });
  }
} catch (error) {
  process.exitCode = reportFailure(error);
}
