import type { OperationDescription } from "../form.ts";

export const systemOperations: readonly OperationDescription[] = [
  { route: "GET /_ping", about: "Answers OK.", answers: { 200: "text" } },
  { route: "HEAD /_ping", about: "The same without a body.", answers: { 200: "" } },
  { route: "GET /version", about: "Tells versions.", answers: { 200: "VersionAnswer" } },
  {
    route: "GET /info",
    about: "Tells about the engine and its host.",
    answers: { 200: "InfoAnswer" },
  },
  {
    route: "GET /events",
    about: "Tells what happens, from `since` to `until`.",
    query: { since: "string", until: "string", filters: "filters" },
    answers: { 200: "lines EventMessage" },
  },
  {
    route: "GET /system/df",
    about: "Tells what takes room on disk.",
    query: { type: "string[] since 1.42" },
    answers: { 200: "DiskUsageAnswer" },
    since: "1.25",
  },
  {
    route: "POST /auth",
    about: "Checks credentials at a registry.",
    body: "AuthConfig",
    answers: { 200: "AuthAnswer", 204: "" },
    fails: [401, 404],
  },
  { route: "POST /session", about: "Would carry a build.", answers: {}, since: "1.39" },
  { route: "POST /grpc", about: "Would carry a build.", answers: {}, since: "1.39" },
];
