import { containerUseCases } from "./containers/containers.ts";
import { execUseCases } from "./containers/exec.ts";
import type { EngineContext } from "./context.ts";
import { diskUseCases } from "./disks/disks.ts";
import type { Engine } from "./engine.ts";
import { imageUseCases } from "./images/images.ts";
import { networkUseCases } from "./networks/networks.ts";
import { systemUseCases } from "./system/system.ts";
import { volumeUseCases } from "./volumes/volumes.ts";

/** The engine over the given ports. Call `restore` before serving. */
export function createEngine(context: EngineContext): Engine {
  return {
    containers: containerUseCases(context),
    execs: execUseCases(context),
    images: imageUseCases(context),
    disks: diskUseCases(context),
    networks: networkUseCases(context),
    volumes: volumeUseCases(context),
    system: systemUseCases(context),
  };
}
