import type { Scenario } from "../scenario.ts";

/** Drivers that neither has: Docker looks for plugins of that name, for as long as a quarter of a minute. */
export const pluginScenarios: readonly Scenario[] = [
  {
    name: "drivers that do not exist",
    steps: [
      { request: "POST /volumes/create", body: { Name: "v2", Driver: "nonsense" } },
      { request: "POST /networks/create", body: { Name: "n2", Driver: "nonsense" } },
      { request: "POST /networks/create", body: { Name: "n2", IPAM: { Driver: "nonsense" } } },
      {
        request: "POST /containers/create",
        body: { Image: "busybox", HostConfig: { LogConfig: { Type: "nonsense" } } },
      },
    ],
  },
];
