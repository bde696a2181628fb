import type { Route } from "../router.ts";
import { createExec } from "./create.ts";
import { inspectExec } from "./inspect.ts";
import { resizeExec, startExec } from "./start.ts";

export const execRoutes: readonly Route[] = [
  { method: "POST", path: "/containers/{id}/exec", handle: createExec },
  { method: "POST", path: "/exec/{id}/start", handle: startExec, hijack: true },
  { method: "POST", path: "/exec/{id}/resize", handle: resizeExec },
  { method: "GET", path: "/exec/{id}/json", handle: inspectExec },
];
