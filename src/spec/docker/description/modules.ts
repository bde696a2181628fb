import { container } from "./container.ts";
import { containerConfig } from "./container-config.ts";
import { event } from "./event.ts";
import { exec } from "./exec.ts";
import type { ModuleDescription } from "./form.ts";
import { hostConfig } from "./host-config.ts";
import { image } from "./image.ts";
import { network } from "./network.ts";
import { stats } from "./stats.ts";
import { system } from "./system.ts";
import { volume } from "./volume.ts";

/** The types by the name of the module of `src/spec/docker` that is made of them. */
export const modules: Readonly<Record<string, ModuleDescription>> = {
  "container-config": containerConfig,
  "host-config": hostConfig,
  container,
  event,
  exec,
  image,
  network,
  stats,
  system,
  volume,
};
