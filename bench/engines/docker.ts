import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { programPath, run } from "../../src/kit/subprocess.ts";
import { configureClient, createClient } from "../client.ts";
import { DaemonProcess, processTree } from "./daemon.ts";
import type { EngineOptions, MeasuredEngine } from "./engine.ts";

/**
 * A real dockerd. `root` is a folder into which its packages were unpacked ("" for the installed
 * one): its own containerd, runc and proxy are found there first.
 */
export async function startDocker(root: string, options: EngineOptions): Promise<MeasuredEngine> {
  const { folder, signal } = options;
  await mkdir(folder, { recursive: true });
  await configureClient(folder, options.dockerClient);
  const path =
    root === ""
      ? programPath
      : `${root}/usr/sbin:${root}/usr/bin:${root}/usr/libexec/docker:${programPath}`;
  const dockerd = root === "" ? "dockerd" : join(root, "usr/sbin/dockerd");
  const socket = join(folder, "docker.sock");
  const settings = {
    "data-root": join(folder, "data"),
    "exec-root": join(folder, "exec"),
    pidfile: join(folder, "docker.pid"),
    host: `unix://${socket}`,
    "cgroup-parent": `/${options.cgroup}`,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const daemon = await DaemonProcess.start(
    [dockerd, ...flags],
    { socket, path, log: join(folder, "dockerd.log") },
    signal,
  );
  const version = await run(dockerd, ["--version"], { signal, env: { PATH: path } });
  const number = /version ([0-9.]+)/.exec(version.stdout.toString())?.[1] ?? "";
  return {
    name: `docker ${number}`,
    kind: "docker",
    socket,
    namespacePid: daemon.pid,
    client: createClient(
      [options.dockerClient, "--host", `unix://${socket}`],
      { DOCKER_CONFIG: folder },
      signal,
    ),
    pullFlags: [],
    processes: async () => {
      const pid = Number(await readFile(join(folder, "docker.pid"), "utf8"));
      return { own: await processTree(pid), machines: [] };
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}
