import { buildRoutes } from "./build/routes.ts";
import { containerRoutes } from "./containers/routes.ts";
import { execRoutes } from "./execs/routes.ts";
import { imageRoutes } from "./images/routes.ts";
import { networkRoutes } from "./networks/routes.ts";
import type { Route } from "./router.ts";
import { systemRoutes } from "./system/routes.ts";
import { pluginRoutes } from "./system/plugins.ts";
import { swarmRoutes } from "./system/swarm.ts";
import { absentRoutes } from "./system/absent.ts";
import { volumeRoutes } from "./volumes/routes.ts";

/** Every path of the Docker Engine API that is answered with something else than "page not found". */
export const routes: readonly Route[] = [
  ...systemRoutes,
  ...containerRoutes,
  ...execRoutes,
  ...imageRoutes,
  ...buildRoutes,
  ...networkRoutes,
  ...volumeRoutes,
  ...swarmRoutes,
  ...pluginRoutes,
  ...absentRoutes,
];
