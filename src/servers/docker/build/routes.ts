import { invalid } from "../failures.ts";
import type { Route } from "../router.ts";
import { cancelBuild } from "./build.ts";
import { pruneBuildCache } from "./prune.ts";

export const buildRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/build/cancel",
    handle: async (exchange) => {
      const id = exchange.query.text("id");
      if (id === "") throw invalid("build ID not provided");
      cancelBuild(id);
      exchange.empty(200);
    },
  },
  { method: "POST", path: "/build/prune", handle: pruneBuildCache },
];
