import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Scope } from "../../../../src/kit/scope.ts";
import { containersOnly, TestDaemon } from "../../../e2e/daemon.ts";
import { loadImages, startDocker } from "../engines.ts";
import type { Engine } from "../play.ts";
import { compareBuilds, type BuildsOptions } from "./builds.ts";

/**
 * Starts a real dockerd, whose packages are unpacked in `root` ("" for the installed one), and Duet, and has both build
 * random Dockerfiles with random contexts. Prints what differs and is not decided; gives how many cases do.
 */
export async function playBuilds(
  root: string,
  options: BuildsOptions,
  signal: AbortSignal,
): Promise<number> {
  await using scope = new Scope();
  const folder = await mkdtemp("/tmp/duet-builds-");
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const docker = await startDocker(root, join(folder, "docker"), scope, signal);
  const daemon = await TestDaemon.start(
    { after: (undo) => scope.defer(undo as () => Promise<void>) },
    { flags: options.isolation === "vm" ? ["--vm-pool-size", "0"] : containersOnly },
  );
  const duet: Engine = { name: "duet", socket: daemon.socket, folder: daemon.folder };
  await Promise.all([loadImages(docker), loadImages(duet)]);
  return await compareBuilds(docker, duet, folder, options, signal);
}
