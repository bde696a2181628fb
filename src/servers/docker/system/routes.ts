import type { Route } from "../router.ts";
import { ping } from "./ping.ts";
import { answerVersion } from "./version.ts";
import { answerInfo } from "./info.ts";
import { streamEvents } from "./events.ts";
import { answerDiskUsage } from "./disk-usage.ts";
import { login } from "./login.ts";

export const systemRoutes: readonly Route[] = [
  { method: "GET", path: "/_ping", handle: ping },
  { method: "HEAD", path: "/_ping", handle: ping },
  { method: "GET", path: "/version", handle: answerVersion },
  { method: "GET", path: "/info", handle: answerInfo },
  { method: "GET", path: "/events", handle: streamEvents },
  { method: "GET", path: "/system/df", handle: answerDiskUsage },
  { method: "POST", path: "/auth", handle: login },
];
