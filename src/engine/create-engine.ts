import { buildUseCases } from "./build/use-cases.ts";
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
  const images = imageUseCases(context);
  return {
    containers: containerUseCases(context),
    execs: execUseCases(context),
    disks: diskUseCases(context),
    images,
    build: buildUseCases(context, images),
    contexts: context.contexts,
    buildFiles: context.buildFiles,
    ...(context.buildSources === undefined ? {} : { buildSources: context.buildSources }),
    networks: networkUseCases(context),
    volumes: volumeUseCases(context),
    system: systemUseCases(context),
  };
}
