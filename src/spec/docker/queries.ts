// Made from description/operations/ by `npm run fix`: change it there.

export interface QueryRules {
  /** Names that the parameter `filters` may have; any without it. */
  readonly filters?: readonly string[];
  /** The first version (1000 × major + minor) in which a parameter means something. */
  readonly since?: Readonly<Record<string, number>>;
  /** The last one. */
  readonly until?: Readonly<Record<string, number>>;
}

/** By method and path, as the table of routes has them; what is not here has no rules. */
export const queries: Readonly<Record<string, QueryRules>> = {
  "GET /system/df": {
    since: { type: 1042 },
  },
  "GET /containers/json": {
    filters: [
      "ancestor",
      "before",
      "exited",
      "expose",
      "health",
      "id",
      "is-task",
      "isolation",
      "label",
      "name",
      "network",
      "publish",
      "since",
      "status",
      "volume",
    ],
  },
  "POST /containers/create": {
    since: { platform: 1041 },
  },
  "GET /containers/{id}/stats": {
    since: { "one-shot": 1041 },
  },
  "POST /containers/{id}/stop": {
    since: { signal: 1042 },
  },
  "POST /containers/{id}/restart": {
    since: { signal: 1042 },
  },
  "POST /containers/{id}/wait": {
    since: { condition: 1030 },
  },
  "POST /containers/prune": {
    filters: ["label", "label!", "until"],
  },
  "GET /images/json": {
    filters: ["before", "dangling", "label", "reference", "since", "until"],
    since: { "shared-size": 1042, manifests: 1047 },
    until: { filter: 1040 },
  },
  "POST /images/create": {
    since: { platform: 1032 },
  },
  "GET /images/{name*}/json": {
    since: { manifests: 1048, platform: 1049 },
  },
  "GET /images/{name*}/history": {
    since: { platform: 1048 },
  },
  "POST /images/{name*}/push": {
    since: { platform: 1046 },
  },
  "DELETE /images/{name*}": {
    since: { platforms: 1050 },
  },
  "GET /images/search": {
    filters: ["is-automated", "is-official", "stars"],
  },
  "POST /images/prune": {
    filters: ["dangling", "label", "label!", "until"],
  },
  "GET /images/{name*}/get": {
    since: { platform: 1048 },
  },
  "GET /images/get": {
    since: { platform: 1048 },
  },
  "POST /images/load": {
    since: { platform: 1048 },
  },
  "POST /build": {
    since: { outputs: 1040, version: 1038, session: 1031, buildid: 1039 },
  },
  "POST /build/prune": {
    filters: [
      "description",
      "id",
      "inuse",
      "label",
      "label!",
      "parent",
      "private",
      "shared",
      "type",
      "until",
      "unused-for",
    ],
    since: { "reserved-space": 1048, "max-used-space": 1048, "min-free-space": 1048 },
  },
  "GET /networks": {
    filters: ["dangling", "driver", "id", "label", "name", "scope", "type"],
  },
  "GET /networks/": {
    filters: ["dangling", "driver", "id", "label", "name", "scope", "type"],
  },
  "POST /networks/prune": {
    filters: ["label", "label!", "until"],
  },
  "GET /volumes": {
    filters: ["dangling", "driver", "label", "name"],
  },
  "POST /volumes/prune": {
    filters: ["all", "label", "label!"],
  },
  "GET /plugins": {
    filters: ["capability", "enabled"],
  },
};
