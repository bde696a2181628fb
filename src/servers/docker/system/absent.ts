import { DuetError } from "../../../kit/errors.ts";
import { notFound, unsupported } from "../failures.ts";
import type { Route } from "../router.ts";

const swarmPaths = ["services", "tasks", "nodes", "secrets", "configs"];

/** What a daemon outside a swarm answers to all of it. */
async function refuseSwarm(): Promise<void> {
  throw new DuetError(
    "unavailable",
    "NO_SWARM",
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
}

function refuse(message: string, hint: string): () => Promise<void> {
  return () => Promise.reject(unsupported(message, hint));
}

const refuseBuild = refuse(
  "Duet cannot build images yet",
  "build with another tool and bring the image in with docker load or a registry",
);
const refusePlugins = refuse("Duet has no plugins", "use its own drivers");

/** Paths that Docker knows and Duet does not serve: each says so in the way clients expect. */
export const absentRoutes: readonly Route[] = [
  ...swarmPaths.flatMap((name): Route[] => [
    { method: "GET", path: `/${name}`, handle: refuseSwarm },
    { method: "GET", path: `/${name}/{id}`, handle: refuseSwarm },
    { method: "POST", path: `/${name}/create`, handle: refuseSwarm },
    { method: "POST", path: `/${name}/{id}/update`, handle: refuseSwarm },
    { method: "DELETE", path: `/${name}/{id}`, handle: refuseSwarm },
    { method: "GET", path: `/${name}/{id}/logs`, handle: refuseSwarm },
  ]),
  { method: "GET", path: "/swarm", handle: refuseSwarm },
  { method: "GET", path: "/swarm/unlockkey", handle: refuseSwarm },
  { method: "POST", path: "/swarm/{action}", handle: refuseSwarm },
  { method: "POST", path: "/build", handle: refuseBuild },
  { method: "POST", path: "/session", handle: refuseBuild },
  { method: "POST", path: "/grpc", handle: refuseBuild },
  {
    method: "POST",
    path: "/build/prune",
    handle: async (exchange) => exchange.answer(200, { CachesDeleted: [], SpaceReclaimed: 0 }),
  },
  { method: "GET", path: "/plugins", handle: async (exchange) => exchange.answer(200, []) },
  {
    method: "GET",
    path: "/plugins/{name*}/json",
    handle: (exchange) =>
      Promise.reject(
        notFound("PLUGIN_NOT_FOUND", `plugin "${exchange.parameter("name")}" not found`),
      ),
  },
  { method: "POST", path: "/plugins/pull", handle: refusePlugins },
  { method: "POST", path: "/plugins/{name*}/enable", handle: refusePlugins },
  {
    method: "GET",
    path: "/distribution/{name*}/json",
    handle: refuse(
      "Duet does not relay registry manifests",
      "ask the registry itself, for example with docker manifest inspect",
    ),
  },
  {
    method: "GET",
    path: "/containers/{id}/checkpoints",
    handle: refuse("Duet cannot checkpoint containers", "stop and start them"),
  },
  {
    method: "POST",
    path: "/containers/{id}/checkpoints",
    handle: refuse("Duet cannot checkpoint containers", "stop and start them"),
  },
  {
    method: "GET",
    path: "/containers/{id}/attach/ws",
    handle: refuse("Duet does not attach over WebSocket", "attach with POST and Upgrade: tcp"),
  },
];
