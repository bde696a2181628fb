import type { OperationDescription } from "../form.ts";

export const volumeOperations: readonly OperationDescription[] = [
  {
    route: "GET /volumes",
    about: "Lists volumes.",
    query: { filters: "filters" },
    filters: ["dangling", "driver", "label", "name"],
    answers: { 200: "VolumeListAnswer" },
  },
  {
    route: "POST /volumes/create",
    about: "Makes a volume.",
    body: "VolumeCreateBody",
    answers: { 201: "VolumeBody" },
    fails: [409],
  },
  {
    route: "GET /volumes/{name}",
    about: "Tells everything about a volume.",
    answers: { 200: "VolumeBody" },
    fails: [404],
  },
  {
    route: "PUT /volumes/{name}",
    about: "Would change a volume of a cluster.",
    query: { version: "int" },
    answers: {},
    fails: [404],
    since: "1.42",
  },
  {
    route: "DELETE /volumes/{name}",
    about: "Removes a volume.",
    query: { force: "bool" },
    answers: { 204: "" },
    fails: [404, 409],
  },
  {
    route: "POST /volumes/prune",
    about: "Removes volumes that no container has.",
    query: { filters: "filters" },
    filters: ["all", "label", "label!"],
    answers: { 200: "VolumesPruneAnswer" },
    fails: [409],
    since: "1.25",
  },
];
