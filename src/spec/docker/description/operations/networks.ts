import type { OperationDescription } from "../form.ts";

const filters = ["dangling", "driver", "id", "label", "name", "scope", "type"];

export const networkOperations: readonly OperationDescription[] = [
  {
    route: "GET /networks",
    about: "Lists networks.",
    query: { filters: "filters" },
    filters,
    answers: { 200: "NetworkInspect[]" },
  },
  {
    route: "GET /networks/",
    about: "The same.",
    query: { filters: "filters" },
    filters,
    answers: { 200: "NetworkInspect[]" },
  },
  {
    route: "GET /networks/{id}",
    about: "Tells everything about a network.",
    query: { verbose: "bool", scope: "string" },
    answers: { 200: "NetworkInspect" },
    fails: [404],
  },
  {
    route: "POST /networks/create",
    about: "Makes a network.",
    body: "NetworkCreateBody",
    answers: { 201: "NetworkCreateAnswer" },
    fails: [404, 409],
  },
  {
    route: "DELETE /networks/{id}",
    about: "Removes a network.",
    answers: { 204: "" },
    fails: [404, 409],
  },
  {
    route: "POST /networks/{id}/connect",
    about: "Connects a container.",
    body: "NetworkConnectBody",
    answers: { 200: "" },
    fails: [404, 409],
  },
  {
    route: "POST /networks/{id}/disconnect",
    about: "Disconnects a container.",
    body: "NetworkDisconnectBody",
    answers: { 200: "" },
    fails: [404, 409],
  },
  {
    route: "POST /networks/prune",
    about: "Removes networks that no container has.",
    query: { filters: "filters" },
    filters: ["label", "label!", "until"],
    answers: { 200: "NetworksPruneAnswer" },
    fails: [409],
    since: "1.25",
  },
];
