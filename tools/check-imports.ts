import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkImports, type Packages } from "./imports/check.ts";
import { projectRoot } from "./project.ts";
import { listFiles, readSources } from "./source/files.ts";
import { reportFindings } from "./source/finding.ts";

/** `node tools/check-imports.ts`: import borders between rooms, and circles. */
const manifest = JSON.parse(await readFile(join(projectRoot, "package.json"), "utf8")) as {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
};
const packages: Packages = {
  product: new Set(Object.keys(manifest.dependencies ?? {})),
  development: new Set(Object.keys(manifest.devDependencies ?? {})),
};
const paths = await listFiles(projectRoot);
const files = await readSources(
  projectRoot,
  paths.filter((path) => path.endsWith(".ts")),
);
const findings = checkImports(files, new Set(paths), packages);
process.exitCode = reportFindings("imports", files.length, findings);
