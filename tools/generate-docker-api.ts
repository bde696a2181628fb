import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { modules } from "../src/spec/docker/description/modules.ts";
import { operations } from "../src/spec/docker/description/operations/all.ts";
import { bodiesOf, Catalogue } from "./docker-api/catalogue.ts";
import { shapesText } from "./docker-api/shapes-text.ts";
import { queriesText } from "./docker-api/queries-text.ts";
import { versionsText } from "./docker-api/versions-text.ts";
import { typesText } from "./docker-api/types-text.ts";
import { projectRoot } from "./project.ts";

const folder = "src/spec/docker";
/** Users of a module find the types of these in it, too. */
const gathered: Readonly<Record<string, readonly string[]>> = {
  container: ["container-config", "host-config"],
};

/** The files that are made from the description of the Docker Engine API: texts by path. */
export function dockerApiFiles(): Map<string, string> {
  const catalogue = new Catalogue(modules);
  const bodies = bodiesOf(operations);
  const asked = catalogue.reachable(bodies);
  const files = new Map<string, string>();
  for (const module of Object.keys(modules)) {
    const more = (gathered[module] ?? []).map((name) => `export type * from "./${name}.ts";\n`);
    const text = typesText(catalogue, module, asked);
    files.set(`${folder}/${module}.ts`, [text, ...more].join(more.length > 0 ? "\n" : ""));
  }
  files.set(`${folder}/bodies.ts`, shapesText(catalogue, bodies));
  files.set(`${folder}/queries.ts`, queriesText(operations));
  files.set(`${folder}/versions.ts`, versionsText(catalogue, asked));
  return files;
}

if (import.meta.main) {
  for (const [path, text] of dockerApiFiles()) {
    const target = join(projectRoot, path);
    if ((await readFile(target, "utf8").catch(() => "")) === text) continue;
    if (process.argv.includes("--check")) {
      console.error(`${path} is not what src/spec/docker/description gives: run npm run fix`);
      process.exitCode = 1;
    } else {
      await writeFile(target, text);
    }
  }
}
