import type { Route } from "../router.ts";
import { pruneBuildCache } from "./prune.ts";

export const buildRoutes: readonly Route[] = [
  { method: "POST", path: "/build/prune", handle: pruneBuildCache },
];
