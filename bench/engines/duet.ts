import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { configureClient, createClient, type EngineClient } from "../client.ts";
import { DaemonProcess, processTree } from "./daemon.ts";
import type { EngineOptions, MeasuredEngine } from "./engine.ts";

/** Duet from the folder where it is installed. */
export async function startDuet(
  name: string,
  installed: string,
  options: EngineOptions,
  daemonArguments: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<MeasuredEngine> {
  const { folder, signal } = options;
  await mkdir(folder, { recursive: true });
  await configureClient(folder, options.dockerClient);
  const run = join(folder, "run");
  const socket = join(run, "docker.sock");
  const settings = {
    "data-root": join(folder, "data"),
    "run-dir": run,
    "cgroup-parent": `/${options.cgroup}`,
  };
  const flags = Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, value]);
  const daemon = await DaemonProcess.start(
    [join(installed, "bin/duetd"), ...flags, ...daemonArguments],
    { socket, log: join(folder, "duetd.log"), env },
    signal,
  );
  return {
    name,
    kind: "duet",
    socket,
    namespacePid: daemon.pid,
    client: createClient(
      [options.dockerClient, "--host", `unix://${socket}`],
      { DOCKER_CONFIG: folder },
      signal,
    ),
    pullFlags: [],
    processes: async () => {
      const pid = Number(await readFile(join(run, "duetd.pid"), "utf8"));
      const tree = await processTree(pid);
      return { own: [pid], machines: tree.filter((one) => one !== pid) };
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

/** Duet's own command line on an engine that runs. */
export function duetClient(
  installed: string,
  engine: MeasuredEngine,
  signal: AbortSignal,
): EngineClient {
  const env = { DUET_HOST: `unix://${engine.socket}`, DOCKER_CONFIG: "/nonexistent" };
  return createClient([join(installed, "bin/duet")], env, signal);
}
