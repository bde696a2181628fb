import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, mkdir, readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ImageRecipe } from "../../images/recipe.ts";
import { recipes } from "../../images/recipes.ts";
import { writeFileAtomic } from "../../src/kit/atomic-file.ts";
import { DuetError } from "../../src/kit/errors.ts";
import { cacheFolder } from "../cache.ts";
import { projectRoot } from "../project.ts";
import { addApplets, addFiles, addPackages } from "./fill.ts";
import { architecture, layoutTar } from "./layout.ts";
import { FileTree } from "./tree.ts";

export interface BuildOptions {
  readonly signal: AbortSignal;
  /** Called with what is being done, for steps that take over a second. */
  readonly progress?: (what: string) => void;
  /** Build again although the cache has it, as after a security update of a package. */
  readonly fresh?: boolean;
}

/** 2026-01-01: what files of images bear unless SOURCE_DATE_EPOCH says otherwise. */
const defaultDate = 1_767_225_600;

/**
 * Writes the image NAME:latest of `images/` to `outFile` as a tar for `docker load`. Throws `not-found`
 * RECIPE_UNKNOWN, `unsupported` NO_APT. An image that was built before comes from the cache.
 */
export async function buildImage(
  name: string,
  outFile: string,
  options: BuildOptions,
): Promise<void> {
  const cached = await imageFile(name, options);
  await mkdir(dirname(outFile), { recursive: true });
  await copyFile(cached, outFile, constants.COPYFILE_FICLONE);
}

/** As `buildImage`, but gives the path of the cache's own file, not to be changed. */
export async function imageFile(name: string, options: BuildOptions): Promise<string> {
  const recipe = recipeOf(name);
  const folder = join(projectRoot, "images", recipe.name);
  const date = Number(process.env["SOURCE_DATE_EPOCH"] ?? defaultDate);
  const path = join(cacheFolder(), "images", `${name}-${await keyOf(recipe, folder, date)}.tar`);
  if (options.fresh !== true && (await isThere(path))) return path;
  const progress = options.progress ?? ((): void => undefined);
  const tar = await build(recipe, date, { folder, signal: options.signal, progress });
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomic(path, tar, 0o644);
  return path;
}

export function recipeOf(name: string): ImageRecipe {
  const recipe = recipes.find((one) => one.name === name);
  if (recipe !== undefined) return recipe;
  const known = recipes.map((one) => one.name).join(", ");
  throw new DuetError("not-found", "RECIPE_UNKNOWN", `there is no recipe for ${name}`, {
    hint: `recipes exist for ${known}`,
  });
}

async function build(
  recipe: ImageRecipe,
  date: number,
  context: Parameters<typeof addFiles>[2],
): Promise<Buffer> {
  const tree = new FileTree();
  const links = recipe.files.filter((file) => "link" in file && !file.path.includes("/"));
  await addFiles(tree, links, context);
  await addPackages(tree, recipe, context);
  await addFiles(tree, recipe.files, context);
  await addApplets(tree, recipe.applets, context);
  context.progress("packing");
  const comment = `recipe images/${recipe.name}${recipe.packages.length > 0 ? ` of ${recipe.packages.join(", ")}` : ""}`;
  const layers = [{ tree, comment }];
  return layoutTar({ reference: `${recipe.name}:latest`, config: recipe.config, layers, date });
}

/** Changes whenever the recipe, one of its files, the date or the processor does. */
async function keyOf(recipe: ImageRecipe, folder: string, date: number): Promise<string> {
  const hash = createHash("sha256");
  const data = (_key: string, value: unknown): unknown =>
    value instanceof RegExp ? value.source : value;
  hash.update(JSON.stringify([recipe, date, architecture], data));
  for (const name of (await readdir(folder)).toSorted()) {
    hash.update(name).update(await readFile(join(folder, name)));
  }
  return hash.digest("hex").slice(0, 16);
}

async function isThere(path: string): Promise<boolean> {
  const names = await readdir(dirname(path)).catch(() => []);
  return names.some((name) => path.endsWith(`/${name}`));
}
