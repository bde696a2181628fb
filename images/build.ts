import { createHash } from "node:crypto";
import { constants, existsSync } from "node:fs";
import { copyFile, mkdir, readFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ImageRecipe } from "./recipe.ts";
import { recipes } from "./recipes.ts";
import { writeFileAtomic } from "../src/kit/atomic-file.ts";
import { DuetError } from "../src/kit/errors.ts";
import { cacheFolder } from "./cache.ts";
import { addApplets, addFiles, addPackages, type FillContext } from "./builder/fill.ts";
import { architecture, layoutTar } from "./builder/layout.ts";
import { FileTree } from "./builder/tree.ts";

/** Called with what is being done, for steps that take over a second. */
export type Progress = (what: string) => void;

/** 2026-01-01: what files of images bear unless SOURCE_DATE_EPOCH says otherwise. */
const defaultDate = 1_767_225_600;

/**
 * Writes the image NAME:latest of `images/` to `outFile` as a tar for `docker load`. Throws `not-found`
 * RECIPE_UNKNOWN, `unsupported` NO_APT. An image that was built before comes from the cache.
 */
export async function buildImage(
  name: string,
  outFile: string,
  signal: AbortSignal,
  progress: Progress = ignore,
): Promise<void> {
  const cached = await imageFile(name, signal, progress);
  await mkdir(dirname(outFile), { recursive: true });
  await copyFile(cached, outFile, constants.COPYFILE_FICLONE);
}

/** As `buildImage`, but gives the path of the cache's own file, not to be changed. */
export async function imageFile(
  name: string,
  signal: AbortSignal,
  progress: Progress = ignore,
): Promise<string> {
  const place = await placeOf(name);
  if (existsSync(place)) return place;
  return await rebuildImage(name, signal, progress);
}

/** Builds although the cache has it, as after a security update of a package. Gives the cache's file. */
export async function rebuildImage(
  name: string,
  signal: AbortSignal,
  progress: Progress = ignore,
): Promise<string> {
  const recipe = recipeOf(name);
  const place = await placeOf(name);
  const tar = await build(recipe, { folder: folderOf(recipe), signal, progress });
  await mkdir(dirname(place), { recursive: true });
  await writeFileAtomic(place, tar, 0o644);
  return place;
}

export function recipeOf(name: string): ImageRecipe {
  const recipe = recipes.find((one) => one.name === name);
  if (recipe !== undefined) return recipe;
  const known = recipes.map((one) => one.name).join(", ");
  throw new DuetError("not-found", "RECIPE_UNKNOWN", `there is no recipe for ${name}`, {
    hint: `recipes exist for ${known}`,
  });
}

async function build(recipe: ImageRecipe, context: FillContext): Promise<Buffer> {
  const tree = new FileTree();
  const links = recipe.files.filter((file) => "link" in file && !file.path.includes("/"));
  await addFiles(tree, links, context);
  await addPackages(tree, recipe, context);
  await addFiles(tree, recipe.files, context);
  await addApplets(tree, recipe.applets, context);
  context.progress("packing");
  const comment = `recipe images/${recipe.name}${recipe.packages.length > 0 ? ` of ${recipe.packages.join(", ")}` : ""}`;
  const layers = [{ tree, comment }];
  return layoutTar({
    reference: `${recipe.name}:latest`,
    config: recipe.config,
    layers,
    date: date(),
  });
}

/** The cache's file; its name changes whenever the recipe, one of its files, the date or the processor does. */
async function placeOf(name: string): Promise<string> {
  const recipe = recipeOf(name);
  const folder = folderOf(recipe);
  const hash = createHash("sha256");
  const data = (_key: string, value: unknown): unknown =>
    value instanceof RegExp ? value.source : value;
  hash.update(JSON.stringify([recipe, date(), architecture], data));
  for (const file of (await readdir(folder)).toSorted()) {
    hash.update(file).update(await readFile(join(folder, file)));
  }
  return join(cacheFolder(), "images", `${name}-${hash.digest("hex").slice(0, 16)}.tar`);
}

function folderOf(recipe: ImageRecipe): string {
  return join(import.meta.dirname, recipe.name);
}

function date(): number {
  return Number(process.env["SOURCE_DATE_EPOCH"] ?? defaultDate);
}

function ignore(): void {}
