import type { Route } from "../docker/router.ts";
import { convertImage } from "./disks/convert.ts";
import { importDisk } from "./disks/import.ts";
import { metricsHandler } from "./metrics/metrics.ts";
import { answerManifest, writeManifest } from "./manifests.ts";
import { answerReferrers } from "./referrers.ts";
import type { RequestMeter } from "./metrics/request-meter.ts";

/** Duet's own API: what Docker has no word for. JSON, strict, under /duet/v1, and Prometheus's figures. */
export const nativeRoutes = (meter: RequestMeter): readonly Route[] => [
  { method: "GET", path: "/metrics", handle: metricsHandler(meter) },
  { method: "POST", path: "/duet/v1/images/import-disk", handle: importDisk },
  { method: "GET", path: "/duet/v1/images/{name*}/referrers", handle: answerReferrers },
  { method: "GET", path: "/duet/v1/images/{name*}/manifest", handle: answerManifest },
  { method: "PUT", path: "/duet/v1/images/{name*}/manifest", handle: writeManifest },
  { method: "POST", path: "/duet/v1/images/{name*}/disk", handle: convertImage },
  {
    method: "GET",
    path: "/duet/v1/info",
    handle: async (exchange) => {
      exchange.answer(200, await exchange.engine.system.info(exchange.signal));
    },
  },
];
