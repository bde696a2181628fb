import type { OperationDescription } from "../form.ts";
import { pluginOperations, swarmOperations } from "./absent.ts";
import { containerOperations } from "./containers.ts";
import { imageOperations } from "./images.ts";
import { networkOperations } from "./networks.ts";
import { systemOperations } from "./system.ts";
import { volumeOperations } from "./volumes.ts";

/** Every request of the Docker Engine API that is answered with something else than "page not found". */
export const operations: readonly OperationDescription[] = [
  ...systemOperations,
  ...containerOperations,
  ...imageOperations,
  ...networkOperations,
  ...volumeOperations,
  ...swarmOperations,
  ...pluginOperations,
];
