import type { Scenario } from "../scenario.ts";
import { versionScenarios } from "./versions.ts";
import { verbScenarios } from "./verbs.ts";
import { limitScenarios } from "./limits.ts";
import { importScenarios } from "./imports.ts";
import { eventScenarios } from "./events.ts";
import { endpointScenarios } from "./endpoints.ts";
import { buildScenarios } from "./builds.ts";
import { archiveScenarios } from "./archive.ts";
import { containerScenarios } from "./containers.ts";
import { imageScenarios } from "./images.ts";
import { listScenarios } from "./lists.ts";
import { networkScenarios } from "./networks.ts";
import { pluginScenarios } from "./plugins.ts";
import { refusalScenarios } from "./refusals.ts";
import { settingScenarios } from "./settings.ts";
import { streamScenarios } from "./streams.ts";
import { systemScenarios } from "./system.ts";
import { volumeScenarios } from "./volumes.ts";

export const scenarios: readonly Scenario[] = [
  ...systemScenarios,
  ...containerScenarios,
  ...refusalScenarios,
  ...listScenarios,
  ...settingScenarios,
  ...streamScenarios,
  ...archiveScenarios,
  ...volumeScenarios,
  ...networkScenarios,
  ...imageScenarios,
  ...buildScenarios,
  ...endpointScenarios,
  ...eventScenarios,
  ...importScenarios,
  ...limitScenarios,
  ...verbScenarios,
  ...versionScenarios,
  ...pluginScenarios,
];
