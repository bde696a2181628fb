import type { OperationDescription } from "../form.ts";

const refusedBy = (routes: readonly string[], about: string): readonly OperationDescription[] =>
  routes.map((route) => ({ route, about, answers: {} }));

/** Swarm: answered as by a daemon outside of one, with 503. */
export const swarmOperations: readonly OperationDescription[] = refusedBy(
  [
    "GET /swarm",
    "GET /swarm/unlockkey",
    "POST /swarm/init",
    "POST /swarm/join",
    "POST /swarm/leave",
    "POST /swarm/unlock",
    "POST /swarm/update",
    "GET /services",
    "GET /services/{id}",
    "POST /services/create",
    "POST /services/{id}/update",
    "DELETE /services/{id}",
    "GET /services/{id}/logs",
    "GET /tasks",
    "GET /tasks/{id}",
    "GET /tasks/{id}/logs",
    "GET /nodes",
    "GET /nodes/{id}",
    "DELETE /nodes/{id}",
    "POST /nodes/{id}/update",
    "GET /secrets",
    "GET /secrets/{id}",
    "POST /secrets/create",
    "POST /secrets/{id}/update",
    "DELETE /secrets/{id}",
    "GET /configs",
    "GET /configs/{id}",
    "POST /configs/create",
    "POST /configs/{id}/update",
    "DELETE /configs/{id}",
  ],
  "A swarm's.",
);

export const pluginOperations: readonly OperationDescription[] = [
  {
    route: "GET /plugins",
    about: "Lists plugins, of which there are none.",
    query: { filters: "filters" },
    filters: ["capability", "enabled"],
    answers: { 200: "struct[]" },
  },
  ...[
    "GET /plugins/{name*}/json",
    "POST /plugins/{name*}/enable",
    "POST /plugins/{name*}/disable",
    "POST /plugins/{name*}/upgrade",
    "POST /plugins/{name*}/push",
    "POST /plugins/{name*}/set",
    "DELETE /plugins/{name*}",
  ].map((route) => ({
    route,
    about: "Of a plugin, of which there are none.",
    answers: {},
    fails: [404],
  })),
  {
    route: "GET /plugins/privileges",
    about: "Tells what a plugin wants to do.",
    query: { remote: "string" },
    answers: { 200: "struct[]" },
  },
  ...refusedBy(["POST /plugins/pull", "POST /plugins/create"], "Would install a plugin."),
];
