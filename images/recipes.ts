import { busybox } from "./busybox/recipe.ts";
import { helloWorld } from "./hello-world/recipe.ts";
import { nginx } from "./nginx/recipe.ts";
import { reaper } from "./reaper/recipe.ts";
import type { ImageRecipe } from "./recipe.ts";

/** The images that ship with Duet, for hosts without a registry. */
export const recipes: readonly ImageRecipe[] = [helloWorld, busybox, nginx, reaper];
