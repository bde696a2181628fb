import type { Exchange } from "../exchange.ts";
import { invalid, notFound, unsupported } from "../failures.ts";
import type { Route } from "../router.ts";

async function listPlugins(exchange: Exchange): Promise<void> {
  exchange.query.filters();
  exchange.answer(200, []);
}

/** Before a plugin is installed clients ask what it wants: nothing, as it will not be. */
async function listPrivileges(exchange: Exchange): Promise<void> {
  if (exchange.query.text("remote") === "") throw invalid("invalid reference format");
  exchange.answer(200, []);
}

async function refusePlugin(exchange: Exchange): Promise<void> {
  throw notFound("PLUGIN_NOT_FOUND", `plugin "${exchange.parameter("name")}" not found`);
}

async function refuseInstall(): Promise<void> {
  throw unsupported("Duet has no plugins", "use its own drivers");
}

/** Plugins, of which there are none. */
export const pluginRoutes: readonly Route[] = [
  { method: "GET", path: "/plugins", handle: listPlugins },
  { method: "GET", path: "/plugins/privileges", handle: listPrivileges },
  { method: "POST", path: "/plugins/pull", handle: refuseInstall },
  { method: "POST", path: "/plugins/create", handle: refuseInstall },
  { method: "GET", path: "/plugins/{name*}/json", handle: refusePlugin },
  ...["enable", "disable", "upgrade", "push", "set"].map(
    (verb) => ({ method: "POST", path: `/plugins/{name*}/${verb}`, handle: refusePlugin }) as const,
  ),
  { method: "DELETE", path: "/plugins/{name*}", handle: refusePlugin },
];
