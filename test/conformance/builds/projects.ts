import { applications } from "./applications.ts";
import type { Project } from "./project.ts";
import { found } from "./found.ts";
import { structures } from "./structures.ts";

/** By the kind that they are of. */
export const projects: Readonly<Record<string, Project>> = {
  ...applications,
  ...structures,
  ...found,
};
